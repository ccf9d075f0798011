import Formats
import Model
import TestSupport
import Testing

/// Models that were damaged in every way there is.
@Suite struct FuzzTests {
    private static func model() throws -> [UInt8] {
        let heads = [[0, 1], [0, 2], [1, 2], [0, 1, 2]].map {
            countingHead($0, featureCount: 3, from: Float($0.count))
        }
        return try Safetensors(
            metadata: ["dataset": "mnist", "note": "\"\\ü\u{1}"],
            tensors: [NamedTensor("backbone.fc2.weight", [2, 2], [1, 2, 3, 4])]
                + ModelTensors.tensors(
                    of: heads + restHeads([1, -2, 0, 4, 0.5, 6, 7, 8, 9], classCount: 3),
                    classCount: 3)
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
            if (try? ModelTensors.heads(in: read, classCount: 3, path: "m")) != nil {
                modelCount += 1
            }
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
}
