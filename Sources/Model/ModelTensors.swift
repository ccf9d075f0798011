package import Formats
package import Heads
package import LeNet

/// The tensors of a model's file: the backbone's, and the heads in few big tensors, one set per size.
///
/// Heads of a pair at their optimum have outputs that are each other's negatives. Of a file whose pairs
/// all are so, `heads.pairs.weight` and `heads.pairs.bias` hold the second class's output alone, half
/// the bytes; zeros have one sign in both.
package enum ModelTensors {
    private static let pairsPrefix = "heads.pairs."
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
            let (count, size, width) = (block.keys.count, block.outputCount, block.featureCount)
            let classes = NamedTensor.Content.int64(
                block.keys.flatMap { $0.classes.members.map { Int64($0) } })
            if let second = SecondOutputs(of: block) {
                return [
                    NamedTensor(
                        name: pairsPrefix + "classes", shape: [count, size], content: classes),
                    NamedTensor(pairsPrefix + "weight", [count, width], second.weights),
                    NamedTensor(pairsPrefix + "bias", [count], second.biases),
                ]
            }
            let prefix = "heads.k\(size)."
            return [
                NamedTensor(name: prefix + "classes", shape: [count, size], content: classes),
                NamedTensor(prefix + "weight", [count, size, width], block.weights),
                NamedTensor(prefix + "bias", [count, size], block.biases),
            ]
        }
    }

    /// The heads of the model's file at `path`, ascending.
    ///
    /// - Throws: `FormatError` when a size lacks a tensor, shapes disagree, or heads do not ascend.
    package static func heads(
        in file: Safetensors, path: String
    ) throws(FormatError) -> [Head] {
        var heads: [Head] = []
        for classes in file.tensors where classes.name.hasPrefix("heads.") {
            guard classes.name.hasSuffix(".classes") else { continue }
            heads += try block(classes, of: file, path).heads
        }
        return heads.sorted { $0.key < $1.key }
    }

    private static func block(
        _ classes: NamedTensor, of file: Safetensors, _ path: String
    ) throws(FormatError) -> HeadBlock {
        let prefix = String(classes.name.dropLast("classes".count))
        guard classes.shape.count == 2, classes.shape[1] >= 2, let lists = classes.integers,
            let weight = file[prefix + "weight"], var weights = weight.floats,
            let width = weight.shape.last,
            let bias = file[prefix + "bias"], var biases = bias.floats
        else {
            throw .malformed(path, "\(prefix)classes, weight and bias do not fit together")
        }
        let size = classes.shape[1]
        let isHalf = prefix == pairsPrefix && size == 2
        let stored = isHalf ? [classes.shape[0]] : classes.shape
        guard weight.shape == stored + [width], bias.shape == stored else {
            throw .malformed(path, "\(prefix)classes, weight and bias do not fit together")
        }
        if isHalf {
            (weights, biases) = SecondOutputs(weights: weights, biases: biases).both(width: width)
        }
        var keys: [HeadKey] = []
        for index in 0..<classes.shape[0] {
            let list = lists[index * size..<(index + 1) * size]
            guard zip(list, list.dropFirst()).allSatisfy({ $0 < $1 }),
                list.allSatisfy({ (0..<classIndexMax).contains($0) })
            else {
                throw .malformed(path, "\(prefix)classes has a list that is not ascending")
            }
            keys.append(HeadKey(ClassSet(list.map { Int($0) })))
        }
        guard zip(keys, keys.dropFirst()).allSatisfy({ $0 < $1 }),
            let block = HeadBlock(
                keys: keys, featureCount: width, weights: weights, biases: biases)
        else { throw .malformed(path, "\(prefix)classes has lists that do not ascend") }
        return block
    }
}

/// The second outputs of pairs whose first are their negatives.
private struct SecondOutputs {
    /// `[head, feature]`.
    let weights: [Float]
    /// One a head.
    let biases: [Float]

    init(weights: [Float], biases: [Float]) {
        self.weights = weights
        self.biases = biases
    }

    /// Nil unless the block is of pairs and all its bits come back.
    init?(of block: HeadBlock) {
        guard block.outputCount == 2 else { return nil }
        let width = block.featureCount
        var (weights, biases): ([Float], [Float]) = ([], [])
        weights.reserveCapacity(block.keys.count * width)
        for head in block.heads {
            let (both, pair) = (head.weightSlice, head.biasSlice)
            let middle = both.startIndex + width
            guard Self.areOpposite(both[..<middle], both[middle...]),
                Self.areOpposite(pair.prefix(1), pair.suffix(1))
            else { return nil }
            weights += both[middle...]
            biases += pair.suffix(1)
        }
        self.init(weights: weights, biases: biases)
    }

    private static func areOpposite(_ first: ArraySlice<Float>, _ second: ArraySlice<Float>) -> Bool
    {
        zip(first, second).allSatisfy { $0.bitPattern == negative($1).bitPattern }
    }

    /// What the first output has where the second has `value`.
    private static func negative(_ value: Float) -> Float { value == 0 ? value : -value }

    /// Both outputs: `[head, output, feature]` and `[head, output]`.
    func both(width: Int) -> (weights: [Float], biases: [Float]) {
        var (whole, pairs): ([Float], [Float]) = ([], [])
        whole.reserveCapacity(2 * weights.count)
        for (head, bias) in biases.enumerated() {
            let second = weights[head * width..<(head + 1) * width]
            whole += second.lazy.map(Self.negative)
            whole += second
            pairs += [Self.negative(bias), bias]
        }
        return (whole, pairs)
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
