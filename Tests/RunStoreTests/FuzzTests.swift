import Foundation
import Heads
import Numerics
import RunStore
import TestSupport
import Testing

/// Artefacts and journals that were damaged in every way there is.
@Suite struct FuzzTests {
    private static func model() throws -> [UInt8] {
        let heads = [[0, 1], [0, 2], [1, 2], [0, 1, 2]].map {
            countingHead($0, featureCount: 3, from: Float($0.count))
        }
        return try ModelArtefact.file(
            backbone: [NamedTensor("backbone.fc2.weight", [2, 2], [1, 2, 3, 4])], heads: heads,
            metadata: ["dataset": "mnist", "note": "\"\\ü\u{1}"]
        ).encoded()
    }

    // Goal: bytes that are read are a file that gives the same bytes again; all others are refused
    // with an error of the module's own; nothing traps.
    @Test(.timeLimit(.minutes(240))) func damagedModelsAreReadOrRefused() throws {
        let count = fuzzCount(usual: 20_000)
        let file = try Self.model()
        var mutator = Mutator([[file]], seed: fuzzSeed)
        var readCount = 0
        var modelCount = 0
        for number in 0..<count {
            let what: Comment = "file \(number) of MANYHEADS_FUZZ_SEED=\(fuzzSeed)"
            // Mostly the header, where the structure is.
            let headerCount = min(file.count, 8 + Int(file[0]) + Int(file[1]) << 8)
            let bytes =
                mutator.generator.chance(0.7)
                ? resized(mutator.damaged(Array(file[8..<headerCount])), file[headerCount...])
                : mutator.damaged(file)
            guard let read = try? Safetensors(decoding: bytes) else { continue }
            readCount += 1
            let encoded = try read.encoded()
            let again = try Safetensors(decoding: encoded).encoded()
            #expect(again == encoded, what)
            if (try? ModelArtefact.heads(in: read)) != nil { modelCount += 1 }
        }
        print("\(count) files, \(readCount) read, \(modelCount) with heads")
        #expect(readCount > count / 100)
        #expect(readCount < count)
        #expect(modelCount > 0)
    }

    /// A header with the length that it has now.
    private func resized(_ header: [UInt8], _ rest: ArraySlice<UInt8>) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header + rest
    }

    @Test(.timeLimit(.minutes(240))) func damagedArraysAreReadOrRefused() throws {
        let count = fuzzCount(usual: 20_000)
        let matrix = NPY.encode(Matrix(rowCount: 2, columnCount: 3, values: [1, 2, 3, 4, 5, 6]))
        let labels = NPY.encode(labels: [3, 1, 4])
        var mutator = Mutator([[matrix], [labels]], seed: fuzzSeed)
        var readCount = 0
        for number in 0..<count {
            let what: Comment = "file \(number) of MANYHEADS_FUZZ_SEED=\(fuzzSeed)"
            let bytes = mutator.damaged(mutator.generator.chance(0.5) ? matrix : labels)
            if let read = try? NPY.decodeMatrix(bytes) {
                readCount += 1
                #expect(read.values.count * 4 <= bytes.count, what)
                let again = try NPY.encode(NPY.decodeMatrix(NPY.encode(read)))
                #expect(again == NPY.encode(read), what)
            }
            if let read = try? NPY.decodeLabels(bytes) {
                readCount += 1
                #expect(try NPY.decodeLabels(NPY.encode(labels: read)) == read, what)
            }
        }
        print("\(count) files, \(readCount) read")
        #expect(readCount > count / 100)
        #expect(readCount < count)
    }

    @Test(.timeLimit(.minutes(240))) func damagedJSONIsReadOrRefused() throws {
        let count = fuzzCount(usual: 5_000, share: 0.1)
        let file = try JSONFile.encode(sampleResults)
        var mutator = Mutator([[file]], seed: fuzzSeed)
        var readCount = 0
        for _ in 0..<count {
            let bytes = mutator.damaged(file)
            if (try? JSONFile.decode(RunResults.self, from: bytes)) != nil { readCount += 1 }
            if let value = try? JSONFile.decode(JSONValue.self, from: bytes) {
                _ = try? JSONFile.encode(value)
            }
        }
        for open in ["[", "{\"a\":"] {
            let deep = Array(String(repeating: open, count: 1 << 20).utf8)
            #expect(throws: RunStoreError.self) { try JSONFile.decode(JSONValue.self, from: deep) }
        }
        print("\(count) files, \(readCount) read")
        #expect(readCount > 0)
        #expect(readCount < count)
    }

    // Goal: a journal of any bytes is refused by name, or read as rows that were written; nothing
    // traps. Method: the file, its log, or both go through a seeded mutator that also moves, repeats
    // and wipes whole pages.
    @Test(.timeLimit(.minutes(240))) func damagedJournalsAreReadOrRefused() throws {
        let count = fuzzCount(usual: 150, share: 0.005)
        try withTemporaryFolder { folder in
            let path = folder + "/journal.sqlite"
            let (file, log) = try journal(in: folder)
            let written = try Journals.content(in: folder)
            var mutator = Mutator([[file], [log]], seed: fuzzSeed)
            var readCount = 0
            for number in 0..<count {
                let what: Comment = "file \(number) of MANYHEADS_FUZZ_SEED=\(fuzzSeed)"
                let isLog = mutator.generator.chance(0.3)
                for name in try names(in: folder) {
                    try FileManager.default.removeItem(atPath: folder + "/" + name)
                }
                try Data(isLog ? file : damagedPages(file, &mutator)).write(
                    to: URL(filePath: path))
                try Data(isLog ? mutator.damaged(log) : log).write(
                    to: URL(filePath: path + "-wal"))
                do {
                    let content = try Journals.content(in: folder)
                    readCount += 1
                    let isKnown = content.heads.allSatisfy { found in
                        written.heads.contains { $0.id == found.id && $0.head == found.head }
                    }
                    #expect(isKnown, what)
                } catch let error as RunStoreError {
                    #expect(error.message.hasPrefix(path + ": "), what)
                }
            }
            print("\(count) journals, \(readCount) read")
            #expect(readCount > 0)
            #expect(readCount < count)
        }
    }

    private func journal(in folder: String) throws -> (file: [UInt8], log: [UInt8]) {
        let path = folder + "/journal.sqlite"
        var journal = try Journal.create(path: path, config: Journals.config)
        try journal.commit(Journals.epoch(1))
        try journal.commit(Journals.heads(0..<20))
        journal.close()
        journal = try Journal(path: path)
        try journal.commit(Journals.heads(20..<30))
        defer { journal.close() }
        return (try bytes(of: path), try bytes(of: path + "-wal"))
    }

    private func damagedPages(_ file: [UInt8], _ mutator: inout Mutator) -> [UInt8] {
        let size = 16_384
        let pages = file.count / size
        let page = { (index: Int) in index * size..<(index + 1) * size }
        var result = file
        let target = page(mutator.draw(pages))
        switch mutator.draw(4) {
        case 0: result.replaceSubrange(target, with: file[page(mutator.draw(pages))])
        case 1: result.replaceSubrange(target, with: [UInt8](repeating: 0, count: size))
        case 2:
            // The first bytes of a page say how the rest is to be read.
            for _ in 0..<1 + mutator.draw(4) {
                result[target.lowerBound + mutator.draw(64)] = UInt8(mutator.draw(256))
            }
        default: result = mutator.damaged(file)
        }
        return result
    }
}
