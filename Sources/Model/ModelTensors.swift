package import Formats
package import Heads
package import LeNet

/// The tensors of a model's file: the backbone's, and the heads in few big tensors, one set per size.
package enum ModelTensors {
    // A class set is a bit set: a file must not make it as large as it likes.
    private static let classIndexMax: Int64 = 1 << 20

    /// The tensors of heads, in any order: by size, then lexicographically by class list.
    ///
    /// - Throws: `FormatError` when heads are not equally wide, two have one key, or one tells groups of
    ///   several classes apart, which a file has no place for yet.
    package static func tensors(of heads: [Head]) throws(FormatError) -> [NamedTensor] {
        let ordered = heads.sorted { $0.key < $1.key }
        guard zip(ordered, ordered.dropFirst()).allSatisfy({ $0.key < $1.key }),
            ordered.allSatisfy({ $0.featureCount == ordered[0].featureCount })
        else {
            throw .malformed("model", "two heads tell the same apart, or read different features")
        }
        guard heads.allSatisfy(\.key.tellsSingleClasses) else {
            throw .malformed("model", "a head tells groups of several classes apart")
        }
        return HeadBlock.runs(of: ordered).flatMap { block -> [NamedTensor] in
            let prefix = "heads.k\(block.outputCount)."
            let (count, size, width) = (block.keys.count, block.outputCount, block.featureCount)
            return [
                NamedTensor(
                    name: prefix + "classes", shape: [count, size],
                    content: .int64(block.keys.flatMap { $0.classes.members.map { Int64($0) } })),
                NamedTensor(prefix + "weight", [count, size, width], block.weights),
                NamedTensor(prefix + "bias", [count, size], block.biases),
            ]
        }
    }

    /// The heads of a model's file, ascending.
    ///
    /// - Throws: `FormatError` when a size lacks a tensor, shapes disagree, or heads do not ascend.
    package static func heads(in file: Safetensors) throws(FormatError) -> [Head] {
        var heads: [Head] = []
        for classes in file.tensors where classes.name.hasPrefix("heads.k") {
            guard classes.name.hasSuffix(".classes") else { continue }
            heads += try block(classes, of: file).heads
        }
        return heads.sorted { $0.key < $1.key }
    }

    private static func block(
        _ classes: NamedTensor, of file: Safetensors
    ) throws(FormatError) -> HeadBlock {
        let prefix = String(classes.name.dropLast("classes".count))
        guard classes.shape.count == 2, classes.shape[1] >= 2, let lists = classes.integers,
            let weight = file[prefix + "weight"], let weights = weight.floats,
            weight.shape.count == 3, Array(weight.shape[..<2]) == classes.shape,
            let bias = file[prefix + "bias"], let biases = bias.floats, bias.shape == classes.shape
        else {
            throw .malformed("model", "\(prefix)classes, weight and bias do not fit together")
        }
        let size = classes.shape[1]
        var keys: [HeadKey] = []
        for index in 0..<classes.shape[0] {
            let list = lists[index * size..<(index + 1) * size]
            guard zip(list, list.dropFirst()).allSatisfy({ $0 < $1 }),
                list.allSatisfy({ (0..<classIndexMax).contains($0) })
            else {
                throw .malformed("model", "\(prefix)classes has a list that is not ascending")
            }
            keys.append(HeadKey(ClassSet(list.map { Int($0) })))
        }
        guard zip(keys, keys.dropFirst()).allSatisfy({ $0 < $1 }),
            let block = HeadBlock(
                keys: keys, featureCount: weight.shape[2], weights: weights, biases: biases)
        else { throw .malformed("model", "\(prefix)classes has lists that do not ascend") }
        return block
    }
}

extension BackboneWeights {
    /// The tensors under their names behind a prefix.
    package func named(_ prefix: String) -> [NamedTensor] {
        zip(Self.names, tensors).map { NamedTensor(prefix + $0, $1.shape, $1.values) }
    }

    /// The tensors that ``named(_:)`` made, out of the file at `path`.
    ///
    /// - Throws: `FormatError` naming the tensor that is missing; shapes are for the backbone to check.
    package init(_ tensors: [NamedTensor], _ prefix: String, path: String) throws(FormatError) {
        var found: [BackboneTensor] = []
        for name in Self.names {
            guard let tensor = tensors.first(where: { $0.name == prefix + name }),
                let values = tensor.floats
            else { throw .malformed(path, "it lacks \(prefix)\(name); use another file") }
            found.append(BackboneTensor(shape: tensor.shape, values: values))
        }
        self.init(
            conv1Weight: found[0], conv1Bias: found[1], conv2Weight: found[2],
            conv2Bias: found[3], fc1Weight: found[4], fc1Bias: found[5], fc2Weight: found[6],
            fc2Bias: found[7])
    }
}
