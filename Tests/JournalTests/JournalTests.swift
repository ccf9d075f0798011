import Formats
import Foundation
import Heads
import Journal
import TestSupport
import Testing
import Transfer

/// Entries to fill journals with.
enum Journals {
    static let config: [String: JSONValue] = ["dataset": "mnist", "epochs": 12, "seed": 3]

    static func epoch(_ count: Int) -> JournalEntries {
        var entries = JournalEntries()
        entries.backbone = BackboneRecord(
            epochCount: count,
            tensors: [
                NamedTensor("weights", [3, 5_000], (0..<15_000).map { Float($0 * count) }),
                NamedTensor("averages", [2], [Float(count), -0.0]),
            ])
        entries.events = [JournalEvent(seconds: Double(count), kind: "epoch")]
        return entries
    }

    static func heads(_ numbers: Range<Int>) -> JournalEntries {
        var entries = JournalEntries()
        entries.heads = numbers.map { number in
            HeadRecord(
                block: countingHead([0, 1 + number], featureCount: 300, from: Float(number)).block,
                worker: "w\(number % 3)", host: "höst", time: 1_700_000_000.25 + Double(number))
        }
        return entries
    }

    static let features = FeatureRecord(
        digest: "00ff", origin: "some processor, threads: 2",
        manifest: ChunkManifest(
            .features(
                FeatureShape(
                    featureCount: 300, classRowCounts: [7, 0, 9], classKeys: [5, .max, 1 << 63],
                    isWeighted: true)),
            chunks: [
                Chunk(part: 2, first: 0, count: 9, byteCount: 10_800, hash: hash(200)),
                Chunk(part: 0, first: 0, count: 4, byteCount: 4_800, hash: hash(1)),
                // Without its zeros.
                Chunk(part: 0, first: 4, count: 3, byteCount: 400, hash: hash(2)),
                // Weights.
                Chunk(part: 3, first: 0, count: 7, byteCount: 28, hash: hash(3)),
                Chunk(part: 5, first: 0, count: 9, byteCount: 36, hash: hash(4)),
            ]))

    private static func hash(_ byte: UInt8) -> ContentHash {
        let bytes = (0..<UInt8(ContentHash.byteCount)).map { $0 &+ byte }
        guard let hash = ContentHash(bytes) else { preconditionFailure("a hash has 32 bytes") }
        return hash
    }

    /// Everything in a journal, for comparing.
    struct Content: Equatable {
        let config: [String: JSONValue]
        let backbone: BackboneRecord?
        let features: FeatureRecord?
        let heads: [HeadRecord]
        let events: [JournalEvent]

        init(of journal: RunJournal) throws {
            config = try journal.config()
            backbone = try journal.backbone()
            features = try journal.features()
            heads = try journal.heads()
            events = try journal.events()
        }
    }

    /// The content of the files beside each other in a folder, as the next coordinator finds it.
    static func content(in folder: String) throws -> Content {
        let journal = try RunJournal(path: folder + "/journal.sqlite")
        defer { journal.close() }
        return try Content(of: journal)
    }
}

/// What is committed is there, whatever happened after that.
@Suite struct JournalTests {
    @Test func givesBackWhatWasCommitted() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/journal.sqlite"
            let events = [
                JournalEvent(
                    seconds: 0.5, kind: "joined",
                    payload: ["worker": "ü \"x\"", "threads": 3, "list": .array([1, .null])])
            ]
            do {
                let journal = try RunJournal.create(path: path, config: Journals.config)
                let empty = try Journals.Content(of: journal)
                #expect(empty.backbone == nil && empty.features == nil)
                #expect(empty.heads.isEmpty && empty.events.isEmpty)
                #expect(try journal.progress() == JournalProgress(epochCount: 0, headCount: 0))
                for epoch in 1...3 { try journal.commit(Journals.epoch(epoch)) }
                var entries = Journals.heads(2..<5)
                entries.features = Journals.features
                entries.events = events
                try journal.commit(entries)
                try journal.commit(Journals.heads(0..<2))
                try journal.commit(JournalEntries())
                journal.close()
            }
            let journal = try RunJournal(path: path)
            #expect(try journal.config() == Journals.config)
            #expect(try journal.backbone() == Journals.epoch(3).backbone)
            #expect(try journal.features() == Journals.features)
            // In the order of their commits.
            #expect(
                try journal.heads() == Journals.heads(2..<5).heads + Journals.heads(0..<2).heads)
            #expect(try journal.events() == (1...3).flatMap { Journals.epoch($0).events } + events)
            #expect(try journal.progress() == JournalProgress(epochCount: 3, headCount: 5))
            #expect(try names(in: folder).filter { !$0.hasPrefix("journal.sqlite") } == [])
        }
    }

    // A block is a row: of one that is withdrawn in part the others stay, and keep who trained them.
    @Test func headsOfABlockAreWithdrawnOneByOne() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/journal.sqlite"
            let heads = (1..<5).map { countingHead([0, $0], featureCount: 3, from: Float($0)) }
            let wide = countingHead([0, 1, 2], featureCount: 3, from: 9)
            func records(_ heads: [Head], _ worker: String) -> [HeadRecord] {
                HeadBlock.runs(of: heads).map {
                    HeadRecord(block: $0, worker: worker, host: "h", time: 1)
                }
            }
            let journal = try RunJournal.create(path: path, config: Journals.config)
            defer { journal.close() }
            var entries = JournalEntries()
            entries.heads = records([heads[0], heads[1], wide], "one") + records([heads[2]], "two")
            try journal.commit(entries)
            #expect(try journal.heads() == entries.heads)
            #expect(try journal.progress().headCount == 4)
            var later = JournalEntries()
            later.withdrawn = [heads[0].key, heads[2].key]
            later.heads = records([heads[0]], "three")
            try journal.commit(later)
            let found = try journal.heads()
            #expect(
                Set(found.flatMap { record in record.block.keys.map { "\(record.worker) \($0)" } })
                    == ["one {0,2}", "one {0,1,2}", "three {0,1}"])
            #expect(found.flatMap(\.block.heads).contains { $0.hasEqualBits(heads[1]) })
            // What waits to be written is withdrawn as well.
            entries.append(later)
            #expect(
                entries.heads == records([heads[1]], "one") + records([wide], "one")
                    + records([heads[0]], "three"))
        }
    }

    @Test func keepsBitsThatAreNoNumbers() throws {
        try withTemporaryFolder { folder in
            let journal = try RunJournal.create(
                path: folder + "/journal.sqlite", config: Journals.config)
            let patterns: [UInt32] = [0x8000_0000, 0x7FC0_1234, 0x7F80_0000, 1]
            var entries = JournalEntries()
            entries.backbone = BackboneRecord(
                epochCount: 1,
                tensors: [NamedTensor("x", [4], patterns.map { Float(bitPattern: $0) })])
            try journal.commit(entries)
            let values = try journal.backbone()?.tensors[0].floats
            #expect(values?.map(\.bitPattern) == patterns)
        }
    }

    @Test func waitsForTheDisk() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/journal.sqlite"
            let journal = try RunJournal.create(path: path, config: Journals.config)
            #expect(try journal.durability() == "delete, synchronous 2")
            try journal.commit(Journals.epoch(1))
            #expect(try journal.durability() == "wal, synchronous 2")
            journal.close()
            let again = try RunJournal(path: path)
            try again.commit(Journals.epoch(2))
            #expect(try again.durability() == "wal, synchronous 2")
        }
    }

    @Test func isOneFileOnceItIsClosed() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/journal.sqlite"
            let journal = try RunJournal.create(path: path, config: Journals.config)
            try journal.commit(Journals.heads(0..<3))
            #expect(try names(in: folder).contains("journal.sqlite-wal"))
            journal.close()
            #expect(try names(in: folder) == ["journal.sqlite"])
            // Read and write version of its header: 1 is without a log, 2 with one.
            let file = try bytes(of: path)
            #expect(file[18...19] == [1, 1])
            // Reading alone changes nothing.
            do {
                let again = try RunJournal(path: path)
                #expect(try again.heads() == Journals.heads(0..<3).heads)
                again.close()
            }
            #expect(try bytes(of: path) == file)
        }
    }

    // Whoever reads at that moment keeps it from leaving its mode, and loses nothing by it.
    @Test func isClosedWhileSomebodyReads() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/journal.sqlite"
            let journal = try RunJournal.create(path: path, config: Journals.config)
            try journal.commit(Journals.heads(0..<3))
            let reader = try RunJournal(path: path)
            #expect(try reader.progress().headCount == 3)
            journal.close()
            #expect(try reader.heads() == Journals.heads(0..<3).heads)
            reader.close()
            let next = try RunJournal(path: path)
            try next.commit(Journals.heads(3..<4))
            #expect(try next.progress().headCount == 4)
            next.close()
            #expect(try names(in: folder) == ["journal.sqlite"])
        }
    }

    @Test func knowsTheTimesOfItsStarts() throws {
        try withTemporaryFolder { folder in
            let journal = try RunJournal.create(
                path: folder + "/journal.sqlite", config: Journals.config)
            #expect(try journal.starts() == [])
            func event(_ seconds: Double, _ kind: String) -> JournalEvent {
                JournalEvent(seconds: seconds, kind: kind, payload: ["data": .number(seconds)])
            }
            let (started, timing) = (JournalEvent.startedKind, JournalEvent.timingKind)
            var entries = JournalEntries()
            entries.events = [
                event(0, started), event(1.5, timing), event(2.5, timing), event(9, "epoch"),
                event(7, "bundle_started"), event(0, started), event(0, started),
                event(3.5, timing),
            ]
            try journal.commit(entries)
            #expect(
                try journal.starts() == [
                    JournalStart(timing: event(2.5, timing), seconds: 9), JournalStart(seconds: 0),
                    JournalStart(timing: event(3.5, timing), seconds: 3.5),
                ])
        }
    }

    @Test func aHeadIsAcceptedOnce() throws {
        try withTemporaryFolder { folder in
            let journal = try RunJournal.create(
                path: folder + "/journal.sqlite", config: Journals.config)
            try journal.commit(Journals.heads(0..<3))
            // One that is there already takes the whole transaction with it.
            #expect(throws: FormatError.self) { try journal.commit(Journals.heads(2..<5)) }
            #expect(try journal.heads() == Journals.heads(0..<3).heads)
            try journal.commit(Journals.heads(3..<4))
            #expect(try journal.progress().headCount == 4)
        }
    }

    private func outcome(_ unit: String, _ payload: [UInt8]) -> StudyRecord {
        StudyRecord(
            unit: unit, payload: payload, worker: "w", host: "h", time: 1_700_000_000.5,
            seconds: 2.5)
    }

    @Test func keepsOutcomesOfNetworks() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/journal.sqlite"
            let records = [outcome("a 0,1", [1, 2, 3]), outcome("a 0,2", []), outcome("b", [9])]
            var journal = try RunJournal.create(path: path, config: Journals.config)
            func found() throws -> [StudyRecord] {
                var found: [StudyRecord] = []
                try journal.forEachOutcome { found.append($0) }
                return found
            }
            #expect(try found() == [])
            var entries = JournalEntries()
            entries.outcomes = [records[2], records[0]]
            try journal.commit(entries)
            // What came later in the same commit is not taken back by what came before.
            entries = JournalEntries()
            entries.outcomes = [outcome("a 0,2", [7])]
            var later = JournalEntries()
            later.withdrawnOutcomes = ["a 0,2", "b"]
            later.outcomes = [records[1]]
            #expect(!later.isEmpty)
            entries.append(later)
            try journal.commit(entries)
            journal.close()
            journal = try RunJournal(path: path)
            #expect(try found() == Array(records[..<2]))
            #expect(try journal.progress() == JournalProgress(epochCount: 0, headCount: 2))
            journal.close()
        }
    }

    @Test func isOfOneDataSet() throws {
        try withTemporaryFolder { folder in
            let journal = try RunJournal.create(
                path: folder + "/journal.sqlite", config: Journals.config)
            #expect(try journal.settle(dataDigest: "aa"))
            #expect(try journal.settle(dataDigest: "aa"))
            #expect(try !journal.settle(dataDigest: "bb"))
            #expect(try journal.settle(dataDigest: "aa"))
        }
    }

    // What a killed process leaves is what is in the files at that moment: so they are copied at
    // moments of all kinds, and each copy opened.
    @Test func aCrashAfterAnyCommitKeepsIt() throws {
        try withTemporaryFolder { folder in
            try FileManager.default.createDirectory(
                atPath: folder + "/live", withIntermediateDirectories: true)
            let journal = try RunJournal.create(
                path: folder + "/live/journal.sqlite", config: Journals.config)
            for step in 0..<12 {
                if step % 4 == 0 { try journal.commit(Journals.epoch(step + 1)) }
                try journal.commit(Journals.heads(step * 5..<step * 5 + 5))
                let copy = folder + "/copy\(step)"
                try FileManager.default.copyItem(atPath: folder + "/live", toPath: copy)
                let expected = try Journals.Content(of: journal)
                #expect(try Journals.content(in: copy) == expected)
                // And it can be gone on from.
                let next = try RunJournal(path: copy + "/journal.sqlite")
                try next.commit(Journals.heads(500..<501))
                #expect(try next.progress().headCount == (step + 1) * 5 + 1)
            }
        }
    }

    @Test func aFullDiskLosesNothing() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/journal.sqlite"
            try RunJournal.create(path: path, config: Journals.config).close()
            var storedCount = 0
            do {
                let journal = try RunJournal(path: path, pageCountMax: 40)
                var failure: FormatError?
                while failure == nil, storedCount < 1_000 {
                    do throws(FormatError) {
                        try journal.commit(Journals.heads(storedCount..<storedCount + 7))
                        storedCount += 7
                    } catch {
                        failure = error
                    }
                }
                #expect(failure?.code == .cannotWrite)
                #expect(
                    failure?.message.hasPrefix("cannot write \(path): the disk is full") == true)
                #expect(storedCount > 0)
                #expect(try journal.heads() == Journals.heads(0..<storedCount).heads)
            }
            // With room again it goes on.
            let journal = try RunJournal(path: path)
            #expect(try journal.heads() == Journals.heads(0..<storedCount).heads)
            try journal.commit(Journals.heads(storedCount..<storedCount + 7))
            #expect(try journal.progress().headCount == storedCount + 7)
        }
    }
}
