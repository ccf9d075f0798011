import Formats
import Foundation
import Journal
import TestSupport
import Testing

/// Journals that were damaged in every way there is.
@Suite struct FuzzTests {
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
                        written.heads.contains { $0.block == found.block }
                    }
                    #expect(isKnown, what)
                } catch let error as FormatError {
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
        var journal = try RunJournal.create(path: path, config: Journals.config)
        try journal.commit(Journals.epoch(1))
        try journal.commit(Journals.heads(0..<20))
        journal.close()
        journal = try RunJournal(path: path)
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
