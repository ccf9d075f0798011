import Formats
import Heads
import RunFolder
import Testing

@Suite struct ModelArtefactTests {
    private let heads = [
        countingHead([0, 1, 2], featureCount: 4, from: 100),
        countingHead([1, 2], featureCount: 4, from: 30),
        countingHead([0, 2], featureCount: 4, from: 20),
        countingHead([0, 1], featureCount: 4, from: 10),
    ]

    @Test func storesHeadsBySize() throws {
        let backbone = [NamedTensor("backbone.fc2.bias", [3], [7, 8, 9])]
        let file = try ModelArtefact.file(
            backbone: backbone, heads: heads, metadata: ["seed": "0"])
        let read = try Safetensors(decoding: file.encoded())
        #expect(
            read.tensors.map(\.name) == [
                "backbone.fc2.bias", "heads.k2.bias", "heads.k2.classes", "heads.k2.weight",
                "heads.k3.bias", "heads.k3.classes", "heads.k3.weight",
            ])
        #expect(read["heads.k2.classes"]?.integers == [0, 1, 0, 2, 1, 2])
        #expect(read["heads.k2.classes"]?.shape == [3, 2])
        #expect(read["heads.k2.weight"]?.shape == [3, 2, 4])
        #expect(read["heads.k2.weight"]?.floats?.prefix(9) == [10, 11, 12, 13, 14, 15, 16, 17, 20])
        #expect(read["heads.k2.bias"]?.floats == [-10, -11, -20, -21, -30, -31])
        #expect(try ModelArtefact.heads(in: read) == heads.reversed())
        #expect(read["backbone.fc2.bias"]?.floats == [7, 8, 9])
    }

    @Test func refusesHeadsThatDoNotFit() throws {
        for extra in [
            countingHead([0, 1], featureCount: 4, from: 0),
            countingHead([0, 3], featureCount: 5, from: 0),
        ] {
            #expect(throws: FormatError.self) {
                try ModelArtefact.file(backbone: [], heads: heads + [extra], metadata: [:])
            }
        }
        let file = try ModelArtefact.file(backbone: [], heads: heads, metadata: [:])
        for (index, tensor) in file.tensors.enumerated() {
            var missing = file
            missing.tensors.remove(at: index)
            if !tensor.name.hasSuffix("classes") {
                #expect(throws: FormatError.self) { try ModelArtefact.heads(in: missing) }
            }
            for classes in [[1, 0], [1, 1], [-1, 0], [0, .max]] as [[Int64]] {
                var wrong = missing
                wrong.tensors.append(
                    NamedTensor(
                        name: "heads.k2.classes", shape: [3, 2],
                        content: .int64(classes + [0, 2, 1, 2])))
                if tensor.name == "heads.k2.classes" {
                    #expect(throws: FormatError.self) { try ModelArtefact.heads(in: wrong) }
                }
            }
        }
    }
}
