import Foundation
import Heads
import Journal
import RunFolder
import TestSupport
import Testing

extension HeadRecord {
    /// A record for each of the heads.
    var single: [HeadRecord] {
        block.heads.flatMap { head in
            HeadBlock.runs(of: [head]).map {
                HeadRecord(block: $0, worker: worker, host: host, time: time)
            }
        }
    }

    /// The first of the heads.
    var head: Head { block.heads[0] }
}

/// What a journal held when its coordinator died.
struct JournalSnapshot {
    var epochCount = 0
    var heads: [HeadRecord] = []
    /// Whether the run had its results already.
    var isFinished = false

    /// Reads a copy: opening the files themselves would repair what the next coordinator must.
    init(of runDirectory: String) throws {
        let manager = FileManager.default
        isFinished = manager.fileExists(
            atPath: RunDirectory.path(of: .results, in: runDirectory))
        let source = RunDirectory.path(of: .journal, in: runDirectory)
        guard manager.fileExists(atPath: source) else { return }
        let folder = try TemporaryDirectory()
        let copy = RunDirectory.path(of: .journal, in: folder.path)
        for ending in ["", "-wal"]
        where manager.fileExists(atPath: source + ending) {
            try manager.copyItem(atPath: source + ending, toPath: copy + ending)
        }
        // Throws for a journal that is not whole.
        let journal = try RunJournal(path: copy)
        defer { journal.close() }
        epochCount = try journal.progress().epochCount
        heads = try journal.heads().flatMap(\.single)
    }

    /// The heads by what they tell apart; one twice is a failure.
    func headsByKey() throws -> [HeadKey: HeadRecord] {
        try Dictionary(heads.map { ($0.head.key, $0) }) { first, _ in
            throw ChaosFailure(description: "\(first.head.key) is in the journal twice")
        }
    }
}

extension ChaosRun {
    /// Checks what a run has left in its folder.
    func check() throws {
        let manager = FileManager.default
        // Before anything opens the journal: no log of SQLite's is left, nor a draft.
        try require(
            try manager.contentsOfDirectory(atPath: path).sorted()
                == manager.contentsOfDirectory(atPath: expected.path).sorted(),
            "the folder holds \(try manager.contentsOfDirectory(atPath: path).sorted())")
        let results = try RunDirectory.readResults(in: path)
        try require(
            results.digests == expected.results.digests,
            "the digests are \(results.digests), undisturbed \(expected.results.digests)")
        for artefact in [RunDirectory.Artefact.model, .predictions] {
            try require(
                try bytes(of: RunDirectory.path(of: artefact, in: path))
                    == bytes(of: RunDirectory.path(of: artefact, in: expected.path)),
                "\(artefact.rawValue) differs from the undisturbed run's")
        }
        let timeline = try String(
            contentsOfFile: RunDirectory.path(of: .timeline, in: path), encoding: .utf8)
        for line in timeline.split(separator: "\n") {
            _ = try JSONSerialization.jsonObject(with: Data(line.utf8))
        }
        try checkAcceptance(results)
    }

    /// Every head was accepted once, by whichever coordinator, and never touched again.
    private func checkAcceptance(_ results: RunResults) throws {
        let final = try JournalSnapshot(of: path).headsByKey()
        try require(
            final.keys.sorted() == ChaosJob.plan.heads,
            "the journal holds the heads \(final.keys.sorted())")
        var before: [HeadRecord] = []
        // Who is started again with the results there has nothing to do.
        for (number, snapshot) in snapshots.filter({ !$0.isFinished }).enumerated() {
            let now = try snapshot.headsByKey()
            try require(
                before.allSatisfy { now[$0.head.key] == $0 },
                "coordinator \(number + 1) lost or changed heads that were on disk")
            before = snapshot.heads
        }
        try require(
            before.allSatisfy { final[$0.head.key] == $0 },
            "the last coordinator lost or changed heads that were on disk")
        try require(
            results.heads.resumed == before.count
                && results.heads.trained == ChaosJob.headCount - before.count,
            "\(results.heads) after \(before.count) heads on disk")
        let credited = results.workers.reduce(0) { $0 + $1.heads }
        try require(
            credited == results.heads.trained,
            "the workers have \(credited) heads to their credit, of \(results.heads.trained)")
    }
}

/// The processes, zombies apart, whose arguments contain one of the words.
func processes(saying words: [String]) -> [Int32] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap(Int32.init).filter { identifier in
        guard ProcessEntry(identifier) != nil,
            let line = try? Data(contentsOf: URL(filePath: "/proc/\(identifier)/cmdline"))
        else { return false }
        let text = String(decoding: line, as: UTF8.self)
        return words.contains { text.contains($0) }
    }
}
