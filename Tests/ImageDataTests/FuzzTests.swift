import ImageData
import TestSupport
import Testing

/// Data files that were damaged in every way there is.
@Suite struct FuzzTests {
    /// The labels of `SmallMNIST`'s training set as gzip itself packs them: one deflated block.
    private static let deflatedLabels: [UInt8] = [
        0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x63, 0x60,
        0xE0, 0x60, 0x64, 0x60, 0x60, 0x10, 0x61, 0x60, 0x64, 0x62, 0x66, 0x61,
        0x65, 0x63, 0xE7, 0xE0, 0x44, 0xB0, 0x00, 0xFA, 0x24, 0xC3, 0x11, 0x1C,
        0x00, 0x00, 0x00,
    ]

    // Goal: a file of any bytes is read as images that it can hold, or refused with an error of the
    // module's own; nothing traps. Method: one file of a whole data set at a time goes through a seeded
    // mutator, plain, stored in gzip, deflated, its gzip damaged or the bytes in it.
    @Test(.timeLimit(.minutes(240))) func damagedFilesAreReadOrRefused() throws {
        let count = fuzzCount(usual: 1_500, share: 0.05)
        let folder = try TemporaryFolder()
        let small = SmallMNIST()
        try small.write(to: folder)
        let names = small.files.keys.sorted()
        let files = names.map { small.files[$0] ?? [] }
        var mutator = Mutator(
            files.map { [$0] } + files.map { [gzip($0)] } + [[Self.deflatedLabels]], seed: fuzzSeed)
        var refusals: [String: Int] = [:]
        for number in 0..<count {
            let what: Comment = "file \(number) of MANYHEADS_FUZZ_SEED=\(fuzzSeed)"
            let place = mutator.draw(names.count)
            var bytes: [UInt8]
            switch mutator.draw(4) {
            case 0: bytes = mutator.damaged(gzip(files[place]))
            case 1: bytes = gzip(Array(mutator.damaged(files[place]).prefix(60_000)))
            case 2 where names[place] == SmallMNIST.trainLabels:
                bytes = mutator.damaged(Self.deflatedLabels)
            default: bytes = mutator.damaged(files[place])
            }
            // What comes after a damaged part is damaged too, now and then.
            if mutator.generator.chance(0.2) { bytes = mutator.damaged(bytes) }
            try folder.write(names[place], bytes)
            do throws(DatasetError) {
                let dataset = try Dataset.load(DatasetRequest(.mnist, dataDirectory: folder.path))
                refusals["none", default: 0] += 1
                #expect(dataset.byteCount <= 2 * 1_032 * bytes.count + 10_000, what)
            } catch {
                refusals["\(error.code)", default: 0] += 1
                #expect(error.message.contains(folder.path) || error.code == .emptyClass, what)
            }
            try folder.write(names[place], files[place])
        }
        print("\(count) files, \(refusals.sorted { $0.key < $1.key })")
        #expect(refusals.count >= 7)
    }

    @Test func theDeflatedSampleIsSound() throws {
        let folder = try TemporaryFolder()
        try SmallMNIST().write(to: folder)
        try folder.write(SmallMNIST.trainLabels, Self.deflatedLabels)
        let dataset = try Dataset.load(DatasetRequest(.mnist, dataDirectory: folder.path))
        #expect(dataset.train.count == 20)
    }

    @Test(.timeLimit(.minutes(240))) func damagedCIFARFilesAreReadOrRefused() throws {
        let count = fuzzCount(usual: 300, share: 0.01)
        let folder = try TemporaryFolder()
        try writeSmallCIFAR(to: folder)
        let file = cifarFile(labels: [2, 3], from: 10)
        var mutator = Mutator([[file], [gzip(file)]], seed: fuzzSeed)
        var refusals: [String: Int] = [:]
        for number in 0..<count {
            let bytes = mutator.damaged(mutator.generator.chance(0.5) ? file : gzip(file))
            try folder.write("data_batch_2.bin", bytes)
            do throws(DatasetError) {
                let dataset = try Dataset.load(
                    DatasetRequest(.cifar10, dataDirectory: folder.path, cifarRecordsPerFile: 2))
                refusals["none", default: 0] += 1
                #expect(dataset.train.count == 10, "file \(number)")
            } catch {
                refusals["\(error.code)", default: 0] += 1
            }
        }
        print("\(count) files, \(refusals.sorted { $0.key < $1.key })")
        #expect(refusals.count >= 4)
    }
}
