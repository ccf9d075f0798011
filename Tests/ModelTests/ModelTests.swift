import Decoding
import Formats
import Heads
import ImageData
import Model
import Numerics
import Testing

@Suite struct ModelTests {
    private let heads = [
        countingHead([0, 1, 2], featureCount: 4, from: 100),
        countingHead([1, 2], featureCount: 4, from: 30),
        countingHead([0, 2], featureCount: 4, from: 20),
        countingHead([0, 1], featureCount: 4, from: 10),
    ]

    @Test func storesHeadsBySize() throws {
        let backbone = [NamedTensor("backbone.fc2.bias", [3], [7, 8, 9])]
        let file = Safetensors(
            metadata: ["seed": "0"],
            tensors: try backbone + ModelTensors.tensors(of: heads, classCount: 3))
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
        #expect(try ModelTensors.heads(in: read, classCount: 3, path: "m") == heads.reversed())
        #expect(read["backbone.fc2.bias"]?.floats == [7, 8, 9])
    }

    @Test func refusesHeadsThatDoNotFit() throws {
        for extra in [
            countingHead([0, 1], featureCount: 4, from: 0),
            countingHead([0, 3], featureCount: 5, from: 0),
        ] {
            #expect(throws: FormatError.self) {
                try ModelTensors.tensors(of: heads + [extra], classCount: 4)
            }
        }
        let file = Safetensors(
            metadata: [:], tensors: try ModelTensors.tensors(of: heads, classCount: 3))
        for (index, tensor) in file.tensors.enumerated() {
            var missing = file
            missing.tensors.remove(at: index)
            if !tensor.name.hasSuffix("classes") {
                #expect(throws: FormatError.self) {
                    try ModelTensors.heads(in: missing, classCount: 3, path: "m")
                }
            }
            for classes in [[1, 0], [1, 1], [-1, 0], [0, .max]] as [[Int64]] {
                var wrong = missing
                wrong.tensors.append(
                    NamedTensor(
                        name: "heads.k2.classes", shape: [3, 2],
                        content: .int64(classes + [0, 2, 1, 2])))
                if tensor.name == "heads.k2.classes" {
                    let error = #expect(throws: FormatError.self) {
                        try ModelTensors.heads(in: wrong, classCount: 3, path: "m")
                    }
                    #expect(error?.message.hasPrefix("m: heads.") == true)
                }
            }
        }
    }

    @Test func namesAndKeysComeBack() throws {
        let model = Model(
            classNames: ["a,b", "\"c\"", "ü", "d"], classKeys: [7, .max, 0, 1 << 40],
            heads: heads, backbone: nil, metadata: ["dataset": "x"])
        let read = try Model(
            Safetensors(decoding: try model.file().encoded()), path: "model.safetensors")
        #expect(read.classNames == model.classNames)
        #expect(read.classKeys == model.classKeys)
        #expect(read.heads == heads.reversed())
        #expect(read.backbone == nil)
        #expect(read.featureCount == 4)
        #expect(read.metadata == ["dataset": "x"])
        #expect(read.normalization == .none)
        #expect(read.input == .features(4))
    }

    @Test(arguments: [
        Normalization.none, .l2,
        .standardize(means: [0.1, -1e300, 0, .leastNonzeroMagnitude], scales: [1, 2, 3, 1e-9]),
    ]) func whatIsDoneToRowsComesBack(normalization: Normalization) throws {
        let model = Model(
            classNames: ["a", "b", "c"], classKeys: [0, 1, 2], heads: heads, backbone: nil,
            imageShape: ImageShape(channelCount: 3, height: 28, width: 29),
            normalization: normalization,
            calibrations: [
                .softVote: Calibration(temperature: 0.1, confidenceQuantiles: [0.1, 0.2, 0.2, 1]),
                .oneVsAll: Calibration(temperature: 1 / 3),
            ], chosenScheme: .softVote)
        let read = try Model(Safetensors(decoding: model.file().encoded()), path: "m")
        #expect(read.normalization == normalization)
        #expect(read.calibrations == model.calibrations)
        #expect(read.chosenScheme == .softVote)
        #expect(read.imageShape == model.imageShape)
        #expect(read.metadata.isEmpty)
    }

    // Goal: half the bytes for pairs at their optimum, and the same bits again.
    @Test func oppositeOutputsAreStoredOnce() throws {
        func pair(_ classes: [Int], _ second: [Float], bias: Float) -> Head {
            Head(
                classes: ClassSet(classes),
                weights: Matrix(
                    rowCount: 2, columnCount: 3,
                    values: second.map { $0 == 0 ? $0 : -$0 } + second),
                biases: [-bias, bias])
        }
        let pairs = [
            pair([0, 1], [1, 0, -2.5], bias: 1),
            pair([0, 2], [.leastNonzeroMagnitude, 3, 1], bias: -4),
            pair([1, 2], [7, -8, 9], bias: 0.1),
        ]
        let all = countingHead([0, 1, 2], featureCount: 3, from: 1)
        let file = Safetensors(
            metadata: [:], tensors: try ModelTensors.tensors(of: pairs + [all], classCount: 3))
        #expect(file["heads.k2.weight"] == nil)
        #expect(file["heads.pairs.classes"]?.integers == [0, 1, 0, 2, 1, 2])
        #expect(file["heads.pairs.weight"]?.shape == [3, 3])
        #expect(file["heads.pairs.bias"]?.floats == [1, -4, 0.1])
        let read = try ModelTensors.heads(
            in: Safetensors(decoding: file.encoded()), classCount: 4, path: "m")
        #expect(zip(read, pairs + [all]).allSatisfy { $0.hasEqualBits($1) })
        #expect(read.count == 4)

        // A zero of two signs, or outputs that are not opposite, are stored as they are.
        for other: [Float] in [[0, 1, 1, -0.0, -1, -1], [1, 2, 3, -1, -2, -3.5]] {
            let head = Head(
                classes: ClassSet([1, 3]),
                weights: Matrix(rowCount: 2, columnCount: 3, values: other), biases: [1, -1])
            let file = Safetensors(
                metadata: [:], tensors: try ModelTensors.tensors(of: pairs + [head], classCount: 4))
            #expect(file["heads.pairs.weight"] == nil)
            let read = try ModelTensors.heads(
                in: Safetensors(decoding: file.encoded()), classCount: 4, path: "m")
            #expect(read.contains { $0.hasEqualBits(head) })
        }
    }

    // Goal: each class's own output, in the order of the classes, and the same bits again, beside pairs
    // and a head over all classes.
    @Test(arguments: [false, true]) func headsAgainstTheRestAreStoredOnce(isMixed: Bool) throws {
        let own: [Float] = [1, 0, -2.5, .leastNonzeroMagnitude, 3, -8, 9, 0.5]
        let rests = restHeads(own)
        let pairs = [[0, 1], [0, 3], [2, 3]].map { classes in
            Head(
                classes: ClassSet(classes),
                weights: Matrix(rowCount: 2, columnCount: 2, values: [-1, 2, 1, -2]),
                biases: [-4, 4])
        }
        let others =
            isMixed ? pairs + [countingHead([0, 1, 2, 3], featureCount: 2, from: 1)] : []
        let model = Model(
            classNames: ["a", "b", "c", "d"], classKeys: [0, 1, 2, 3], heads: rests + others,
            backbone: nil, calibrations: [.oneVsRest: Calibration(temperature: 0.5)],
            chosenScheme: .oneVsRest)
        let file = try Safetensors(decoding: model.file().encoded())
        #expect(file["heads.rest.classes"]?.integers == [0, 1, 2, 3])
        #expect(file["heads.rest.weight"]?.shape == [4, 2])
        #expect(file["heads.rest.weight"]?.floats == own)
        #expect(file["heads.rest.bias"]?.floats == [0.5, 1.5, 2.5, 3.5])
        #expect((file["heads.pairs.weight"] != nil) == isMixed)
        #expect((file["heads.k4.weight"] != nil) == isMixed)
        #expect(file.tensors.count == (isMixed ? 9 : 3))
        let read = try Model(file, path: "m")
        let expected = (rests + others).sorted { $0.key < $1.key }
        #expect(read.heads.count == expected.count)
        #expect(zip(read.heads, expected).allSatisfy { $0.hasEqualBits($1) })
        #expect(read.chosenScheme == .oneVsRest)
        #expect(read.calibrations == model.calibrations)

        func code(_ change: (inout Safetensors) -> Void) -> FormatError.Code? {
            var changed = file
            change(&changed)
            do throws(FormatError) {
                _ = try Model(changed, path: "m")
                return nil
            } catch {
                return error.code
            }
        }
        func replace(_ part: String, _ tensor: NamedTensor?) -> FormatError.Code? {
            code {
                $0.tensors.removeAll { $0.name == "heads.rest." + part }
                if let tensor { $0.tensors.append(tensor) }
            }
        }
        func classes(_ list: [Int64], shape: [Int]? = nil) -> NamedTensor {
            NamedTensor(
                name: "heads.rest.classes", shape: shape ?? [list.count], content: .int64(list))
        }
        #expect(replace("classes", classes([0, 1, 2, 3])) == nil)
        for list in [[0, 1, 3, 2], [0, 1, 1, 2], [0, 1, 2, 4], [-1, 0, 1, 2], [0, 1, 2], []]
            as [[Int64]]
        {
            #expect(replace("classes", classes(list)) != nil, "\(list)")
        }
        #expect(replace("classes", classes([0, 1, 2, 3], shape: [2, 2])) != nil)
        #expect(replace("weight", nil) != nil)
        #expect(replace("bias", nil) != nil)
        #expect(replace("bias", NamedTensor("heads.rest.bias", [3], [1, 2, 3])) != nil)
        #expect(
            replace("weight", NamedTensor("heads.rest.weight", [8], Array(own))) != nil)
    }

    @Test func groupsThatNoFileHoldsAreRefused() throws {
        let rests = restHeads([1, 2, 3, 4])
        func refuses(_ head: Head, _ classCount: Int = 4) -> Bool {
            (try? ModelTensors.tensors(of: [head], classCount: classCount)) == nil
        }
        #expect(!refuses(rests[2]))
        // Not of all classes; groups of several; outputs that are not opposite.
        #expect(refuses(rests[2], 5))
        let groups = try #require(HeadKey(groups: [ClassSet([0, 1]), ClassSet([2, 3])]))
        let weights = Matrix(rowCount: 2, columnCount: 1, values: [1, -1])
        #expect(refuses(Head(key: groups, weights: weights, biases: [1, -1])))
        #expect(refuses(Head(key: rests[2].key, weights: weights, biases: [1, -2])))
    }

    @Test func refusesFilesThatAreNoModels() throws {
        let model = Model(
            classNames: ["a", "b", "c"], classKeys: [0, 1, 2], heads: heads, backbone: nil)
        let file = try model.file()
        func code(_ change: (inout Safetensors) -> Void) -> FormatError.Code? {
            var changed = file
            change(&changed)
            do throws(FormatError) {
                _ = try Model(changed, path: "m")
                return nil
            } catch {
                return error.code
            }
        }
        #expect(code { _ in } == nil)
        #expect(code { $0.metadata["class_names"] = nil } != nil)
        #expect(code { $0.metadata["class_names"] = "[\"a\",\"b\"]" } != nil)
        #expect(code { $0.metadata["class_names"] = "[1,2,3]" } != nil)
        #expect(code { $0.metadata["class_keys"] = "[\"0\",\"0\",\"2\"]" } != nil)
        #expect(code { $0.metadata["class_keys"] = "[\"0\",\"x\",\"2\"]" } != nil)
        #expect(code { $0.metadata["normalization"] = "of a later version" } != nil)
        #expect(code { $0.metadata["normalization"] = "standardize" } != nil)
        #expect(code { $0.metadata["image_shape"] = "[1,28]" } != nil)
        #expect(code { $0.metadata["image_shape"] = "[1,0,28]" } != nil)
        #expect(code { $0.metadata["calibration"] = "[]" } != nil)
        for calibration in [
            "{}", "{\"temperature\":0}", "{\"temperature\":\"1\"}",
            "{\"temperature\":1,\"confidence_quantiles\":[1,0]}",
        ] {
            #expect(
                code { $0.metadata["calibration"] = "{\"all_vs_all\":\(calibration)}" } != nil)
        }
        #expect(code { $0.metadata["calibration"] = "{\"a_later_scheme\":1}" } == nil)
        // A backbone of which something is missing.
        #expect(
            code { $0.tensors.append(NamedTensor("backbone.fc2.bias", [3], [1, 2, 3])) } != nil)
    }
}

func countingHead(_ classes: [Int], featureCount: Int, from start: Float) -> Head {
    Head(
        classes: ClassSet(classes),
        weights: Matrix(
            rowCount: classes.count, columnCount: featureCount,
            values: (0..<classes.count * featureCount).map { start + Float($0) }),
        biases: classes.indices.map { -start - Float($0) })
}

/// The heads of one class against the rest whose own outputs have these weights, in their order.
func restHeads(_ own: [Float], classCount: Int = 4) -> [Head] {
    let width = own.count / classCount
    return (0..<classCount).map { index in
        let weights = own[index * width..<(index + 1) * width].map { $0 }
        let others = weights.map { $0 == 0 ? $0 : -$0 }
        let bias = Float(index) + 0.5
        return Head(
            key: .rest(index, of: .all(classCount)),
            weights: Matrix(
                rowCount: 2, columnCount: width,
                values: index == 0 ? weights + others : others + weights),
            biases: index == 0 ? [bias, -bias] : [-bias, bias])
    }
}
