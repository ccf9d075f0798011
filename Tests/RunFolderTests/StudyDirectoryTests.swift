import Formats
import Foundation
import Journal
import RunFolder
import TestSupport
import Testing

@Suite struct StudyDirectoryTests {
    private let folder: TemporaryDirectory
    private let config: [String: JSONValue] = ["epochs": 12, "data_mnist": "ab"]

    init() throws { folder = try TemporaryDirectory() }

    private func record(_ unit: String, _ payload: [UInt8]) -> StudyRecord {
        StudyRecord(
            unit: unit, payload: payload, worker: "w", host: "h", time: 1_700_000_000.5,
            seconds: 2.5)
    }

    private func records(_ directory: StudyDirectory) throws -> [StudyRecord] {
        var found: [StudyRecord] = []
        try directory.journal.forEachRecord { found.append($0) }
        return found
    }

    @Test func keepsWhatWasCommitted() throws {
        let path = folder.path("study")
        do {
            let directory = try StudyDirectory(path: path, config: config)
            try directory.journal.commit([record("b", [1, 2, 3]), record("a", [])])
            try directory.journal.commit([record("b", [4])])
        }
        let again = try StudyDirectory(path: path, config: config)
        #expect(try records(again) == [record("a", []), record("b", [4])])
        try again.journal.remove("a")
        #expect(try records(again) == [record("b", [4])])
        #expect(try again.journal.recordCount() == 1)
    }

    @Test func keepsTheCommandsThatComputed() throws {
        let path = folder.path("study")
        do {
            let directory = try StudyDirectory(path: path, config: config)
            #expect(try directory.commands() == [])
            try directory.note(command: "reproduce --trials 1")
            try directory.note(command: "reproduce --trials '2'")
            try directory.note(command: "reproduce --trials 1")
        }
        let again = try StudyDirectory(path: path, config: config)
        #expect(try again.commands() == ["reproduce --trials 1", "reproduce --trials '2'"])
    }

    @Test func growsButNeverChanges() throws {
        let path = folder.path("study")
        do { _ = try StudyDirectory(path: path, config: config) }
        var larger = config
        larger["data_cifar10"] = "cd"
        do { _ = try StudyDirectory(path: path, config: larger) }
        // What is left out now was settled before all the same.
        do { _ = try StudyDirectory(path: path, config: config) }
        larger["data_cifar10"] = "ef"
        larger["epochs"] = 13
        let error = #expect(throws: RunFolderError.self) {
            try StudyDirectory(path: path, config: larger)
        }
        #expect(error?.code == .otherConfiguration)
        #expect(error?.message.contains("epochs is 12 there and 13 here") == true)
        #expect(error?.message.contains("data_cifar10") == true)
    }

    @Test func oneCoordinatorAtATime() throws {
        let path = folder.path("study")
        let first = try StudyDirectory(path: path, config: config)
        #expect(throws: RunFolderError.self) { try StudyDirectory(path: path, config: config) }
        try first.journal.commit([record("a", [1])])
    }

    @Test func refusesFilesThatAreNotAStudys() throws {
        let run = folder.path("run")
        do { _ = try RunDirectory(path: run, config: config) }
        #expect(throws: RunFolderError.self) { try StudyDirectory(path: run, config: config) }
        let damaged = folder.path("damaged")
        do {
            let directory = try StudyDirectory(path: damaged, config: config)
            try directory.journal.commit([record("a", Array("the outcome of a unit".utf8))])
        }
        let file = URL(filePath: damaged + "/study.sqlite")
        var bytes = try Data(contentsOf: file)
        let place = try #require(bytes.range(of: Data("outcome of a unit".utf8)))
        bytes[place.lowerBound] ^= 1
        try bytes.write(to: file)
        let directory = try StudyDirectory(path: damaged, config: config)
        #expect(throws: FormatError.self) { try records(directory) }
    }
}
