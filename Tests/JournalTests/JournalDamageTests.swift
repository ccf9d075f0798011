import Formats
import Foundation
import Journal
import TestSupport
import Testing

// Goal: files that were cut or changed anywhere are refused by name and left as they are, or read as
// something that was committed once; never as anything else. Method: one journal, half of it still in
// the log, is damaged in many ways, each in a copy of its own.
@Suite struct JournalDamageTests {
    private struct Original {
        var file: [UInt8]
        var log: [UInt8]
        /// What the journal held after each commit.
        var states: [Journals.Content] = []
    }

    private func original(in folder: String) throws -> Original {
        let path = folder + "/journal.sqlite"
        var journal = try RunJournal.create(path: path, config: Journals.config)
        var states = [try Journals.Content(of: journal)]
        func commit(_ entries: JournalEntries) throws {
            try journal.commit(entries)
            states.append(try Journals.Content(of: journal))
        }
        try commit(Journals.epoch(1))
        var features = JournalEntries()
        features.features = Journals.features
        try commit(features)
        for step in 0..<4 { try commit(Journals.heads(step * 6..<step * 6 + 6)) }
        // From here on in the log.
        journal.close()
        journal = try RunJournal(path: path)
        try commit(Journals.epoch(2))
        for step in 4..<8 { try commit(Journals.heads(step * 6..<step * 6 + 6)) }
        return Original(
            file: try bytes(of: path), log: try bytes(of: path + "-wal"), states: states)
    }

    /// Opens a journal of these bytes, which must be as the comment above says.
    private func probe(
        _ folder: String, _ file: [UInt8], _ log: [UInt8], _ original: Original, _ what: String
    ) throws -> Bool {
        let path = folder + "/journal.sqlite"
        for name in try names(in: folder) {
            try FileManager.default.removeItem(atPath: folder + "/" + name)
        }
        try Data(file).write(to: URL(filePath: path))
        try Data(log).write(to: URL(filePath: path + "-wal"))
        let content: Journals.Content
        do {
            content = try Journals.content(in: folder)
        } catch let error as FormatError {
            #expect(error.code == .malformed, "\(what): \(error)")
            #expect(error.message.hasPrefix(path + ": "), "\(what): \(error)")
            return false
        }
        // The columns of no consequence are not hashed.
        let heads = content.heads.map { [$0.block] }
        let isKnown = original.states.contains { state in
            state.heads.map { [$0.block] } == heads && state.backbone == content.backbone
        }
        #expect(isKnown, "\(what): read as something that never was")
        return true
    }

    @Test func cutAnywhere() throws {
        try withTemporaryFolder { folder in
            let original = try original(in: folder)
            for eighth in 0..<8 {
                for offset in [-1, 0, 1, 100] {
                    let length = max(0, original.file.count * eighth / 8 + offset)
                    let file = Array(original.file.prefix(length))
                    let isRead = try probe(
                        folder, file, original.log, original, "cut at \(length)")
                    // The log alone holds no whole journal.
                    if length == 0 { #expect(!isRead) }
                }
            }
            var readCount = 0
            for length in stride(from: 0, through: original.log.count, by: 8_009) {
                let log = Array(original.log.prefix(length))
                if try probe(folder, original.file, log, original, "log cut at \(length)") {
                    readCount += 1
                }
            }
            // A log that ends early is what a power failure leaves.
            #expect(readCount == original.log.count / 8_009 + 1)
        }
    }

    @Test func anyBitChanged() throws {
        try withTemporaryFolder { folder in
            let original = try original(in: folder)
            var generator = SeededGenerator(seed: 11)
            var refusedCount = 0
            for index in 0..<300 {
                var file = original.file
                var log = original.log
                // The header first, bit by bit in part, then anywhere.
                if index < 100 {
                    file[index] ^= 1 << UInt8(index % 8)
                } else if index % 2 == 0 {
                    let place = Int.random(in: 0..<file.count, using: &generator)
                    file[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                } else {
                    let place = Int.random(in: 0..<log.count, using: &generator)
                    log[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                }
                if try !probe(folder, file, log, original, "change \(index)") {
                    refusedCount += 1
                }
            }
            #expect(refusedCount > 15)
        }
    }

    @Test func aChangedValueIsSeen() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/journal.sqlite"
            do {
                let journal = try RunJournal.create(path: path, config: Journals.config)
                try journal.commit(Journals.heads(0..<40))
                journal.close()
            }
            var file = try bytes(of: path)
            // Some weight of some head.
            let value: Float = 37 + 111
            let pattern = unsafe withUnsafeBytes(of: value) { unsafe Array($0) }
            let place = try #require(
                file.indices.dropLast(4).first { Array(file[$0..<$0 + 4]) == pattern })
            file[place + 1] ^= 1
            try Data(file).write(to: URL(filePath: path))
            let error = #expect(throws: FormatError.self) {
                try Journals.content(in: folder)
            }
            #expect(error?.message.contains("is not what was written") == true)
        }
    }

    @Test(arguments: ["empty", "text", "another database's header", "cut"])
    func isLeftAsItIs(kind: String) throws {
        try withTemporaryFolder { folder in
            let path = folder + "/journal.sqlite"
            try RunJournal.create(path: path, config: Journals.config).close()
            var file = try bytes(of: path)
            switch kind {
            case "empty": file = []
            case "text": file = Array(repeating: UInt8(ascii: "x"), count: 9_000)
            case "cut": file.removeLast(20_000)
            default: file[68] ^= 1
            }
            try Data(file).write(to: URL(filePath: path))
            let error = #expect(throws: FormatError.self) { try RunJournal(path: path) }
            #expect(error?.code == .malformed)
            #expect(error?.message.contains("damaged") == true)
            #expect(error?.message.contains(path) == true)
            #expect(try bytes(of: path) == file)
        }
    }
}
