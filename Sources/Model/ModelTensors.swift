package import Formats
package import Heads
package import LeNet

/// The tensors of a model's file: the backbone's, and the heads in few big tensors, one set per size.
///
/// Heads of two outputs at their optimum have outputs that are each other's negatives. Of a file whose pairs
/// all are so, `heads.pairs.weight` and `heads.pairs.bias` hold the second class's output alone, half
/// the bytes; zeros have one sign in both. Of heads of one class against the rest `heads.rest.weight` and
/// `heads.rest.bias` hold the class's own output, and there is no other form of them.
package enum ModelTensors {
    private static let pairsPrefix = "heads.pairs."
    private static let restPrefix = "heads.rest."
    /// Classes up to which there are heads against the rest: each has a bit a class in memory, which a file
    /// does not.
    private static let restClassCountMax = 1 << 14
    // A class set is a bit set: a file must not make it as large as it likes.
    private static let classIndexMax: Int64 = 1 << 20

    /// The tensors of heads, in any order: by size, then lexicographically by class list; those of one class
    /// against the rest last, ascending by class.
    ///
    /// - Parameter classCount: classes of the model, which the rest is of.
    /// - Throws: `FormatError` when heads are not equally wide, two have one key, or a file has no place for
    ///   one: groups of several classes, but for one class against all others by outputs that are each
    ///   other's negatives.
    package static func tensors(
        of heads: [Head], classCount: Int
    ) throws(FormatError) -> [NamedTensor] {
        let ordered = heads.sorted { $0.key < $1.key }
        guard zip(ordered, ordered.dropFirst()).allSatisfy({ $0.key < $1.key }),
            ordered.allSatisfy({ $0.featureCount == ordered[0].featureCount })
        else {
            throw .malformed("model", "two heads tell the same apart, or read different features")
        }
        let rests = try restTensors(
            of: ordered.filter { !$0.key.tellsSingleClasses }, classCount)
        let single = ordered.filter(\.key.tellsSingleClasses)
        return HeadBlock.runs(of: single).flatMap { block -> [NamedTensor] in
            let (count, size, width) = (block.keys.count, block.outputCount, block.featureCount)
            let classes = NamedTensor.Content.int64(
                block.keys.flatMap { $0.classes.members.map { Int64($0) } })
            if let halves = OppositeOutputs(of: block.heads) {
                return [
                    NamedTensor(
                        name: pairsPrefix + "classes", shape: [count, size], content: classes)
                ] + halves.tensors(pairsPrefix, width: width)
            }
            let prefix = "heads.k\(size)."
            return [
                NamedTensor(name: prefix + "classes", shape: [count, size], content: classes),
                NamedTensor(prefix + "weight", [count, size, width], block.weights),
                NamedTensor(prefix + "bias", [count, size], block.biases),
            ]
        } + rests
    }

    private static func restTensors(
        of heads: [Head], _ classCount: Int
    ) throws(FormatError) -> [NamedTensor] {
        guard let width = heads.first?.featureCount else { return [] }
        var found: [(own: Int, head: Head)] = []
        for head in heads {
            guard let own = head.key.own?.classIndex, head.classes == .all(classCount),
                classCount <= restClassCountMax
            else { throw .malformed("model", "no file holds a head over groups \(head.key)") }
            found.append((own, head))
        }
        found.sort { $0.own < $1.own }
        guard let halves = OppositeOutputs(of: found.map(\.head)) else {
            throw .malformed(
                "model",
                "a head of one class against the rest has outputs that are not each other's negatives"
            )
        }
        return [
            NamedTensor(
                name: restPrefix + "classes", shape: [found.count],
                content: .int64(found.map { Int64($0.own) }))
        ] + halves.tensors(restPrefix, width: width)
    }

    /// The heads of the model's file at `path`, ascending.
    ///
    /// - Parameter classCount: classes of the model, which the rest is of.
    /// - Throws: `FormatError` when a size lacks a tensor, shapes disagree, or heads do not ascend.
    package static func heads(
        in file: Safetensors, classCount: Int, path: String
    ) throws(FormatError) -> [Head] {
        var heads: [Head] = []
        for classes in file.tensors where classes.name.hasPrefix("heads.") {
            guard classes.name.hasSuffix(".classes") else { continue }
            let block =
                classes.name == restPrefix + "classes"
                ? try rests(classes, of: file, classCount, path)
                : try block(classes, of: file, path)
            heads += block.heads
        }
        return heads.sorted { $0.key < $1.key }
    }

    private static func rests(
        _ classes: NamedTensor, of file: Safetensors, _ classCount: Int, _ path: String
    ) throws(FormatError) -> HeadBlock {
        guard let list = classes.integers, classes.shape == [list.count],
            let weight = file[restPrefix + "weight"], let weights = weight.floats,
            weight.shape.count == 2, weight.shape[0] == list.count,
            let bias = file[restPrefix + "bias"], let biases = bias.floats,
            bias.shape == classes.shape
        else {
            throw .malformed(path, "\(restPrefix)classes, weight and bias do not fit together")
        }
        guard (3...restClassCountMax).contains(classCount),
            zip(list, list.dropFirst()).allSatisfy({ $0 < $1 }),
            list.allSatisfy({ (0..<Int64(classCount)).contains($0) })
        else {
            throw .malformed(
                path,
                "\(restPrefix)classes are not ascending ones of 3 to \(restClassCountMax) classes")
        }
        let keys = list.map { HeadKey.rest(Int($0), of: .all(classCount)) }
        let (whole, both) = OppositeOutputs(weights: weights, biases: biases).both(of: keys)
        guard
            let block = HeadBlock(
                keys: keys, featureCount: weight.shape[1], weights: whole, biases: both)
        else { throw .malformed(path, "\(restPrefix)classes lists no class") }
        return block
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
        if isHalf {
            (weights, biases) = OppositeOutputs(weights: weights, biases: biases).both(of: keys)
        }
        guard zip(keys, keys.dropFirst()).allSatisfy({ $0 < $1 }),
            let block = HeadBlock(
                keys: keys, featureCount: width, weights: weights, biases: biases)
        else { throw .malformed(path, "\(prefix)classes has lists that do not ascend") }
        return block
    }
}

/// One output of each of some heads of two, whose other output is its negative: a class's own against the
/// rest, of pairs the second.
private struct OppositeOutputs {
    /// `[head, feature]`.
    let weights: [Float]
    /// One a head.
    let biases: [Float]

    init(weights: [Float], biases: [Float]) {
        self.weights = weights
        self.biases = biases
    }

    /// Nil unless all have two outputs and all their bits come back.
    init?(of heads: [Head]) {
        var (weights, biases): ([Float], [Float]) = ([], [])
        weights.reserveCapacity(heads.reduce(0) { $0 + $1.featureCount })
        for head in heads {
            guard head.outputCount == 2 else { return nil }
            let (both, pair) = (head.weightSlice, head.biasSlice)
            let middle = both.startIndex + head.featureCount
            let (first, second) = (both[..<middle], both[middle...])
            guard Self.areOpposite(first, second),
                Self.areOpposite(pair.prefix(1), pair.suffix(1))
            else { return nil }
            let isSecond = Self.keepsSecond(head.key)
            weights += isSecond ? second : first
            biases += isSecond ? pair.suffix(1) : pair.prefix(1)
        }
        self.init(weights: weights, biases: biases)
    }

    private static func keepsSecond(_ key: HeadKey) -> Bool { (key.own?.output ?? 1) == 1 }

    private static func areOpposite(_ first: ArraySlice<Float>, _ second: ArraySlice<Float>) -> Bool
    {
        zip(first, second).allSatisfy { $0.bitPattern == negative($1).bitPattern }
    }

    /// What the other output has where one has `value`.
    private static func negative(_ value: Float) -> Float { value == 0 ? value : -value }

    /// Both outputs of the heads: `[head, output, feature]` and `[head, output]`.
    func both(of keys: [HeadKey]) -> (weights: [Float], biases: [Float]) {
        let width = keys.isEmpty ? 0 : weights.count / keys.count
        var (whole, pairs): ([Float], [Float]) = ([], [])
        whole.reserveCapacity(2 * weights.count)
        func add(_ values: some Sequence<Float>, isNegative: Bool, to result: inout [Float]) {
            if isNegative {
                result += values.lazy.map(Self.negative)
            } else {
                result += values
            }
        }
        for (index, key) in keys.enumerated() {
            for isSecond in [false, true] {
                let isNegative = isSecond != Self.keepsSecond(key)
                add(
                    weights[index * width..<(index + 1) * width], isNegative: isNegative, to: &whole
                )
                add(biases[index...index], isNegative: isNegative, to: &pairs)
            }
        }
        return (whole, pairs)
    }

    /// As a file has them.
    func tensors(_ prefix: String, width: Int) -> [NamedTensor] {
        [
            NamedTensor(prefix + "weight", [biases.count, width], weights),
            NamedTensor(prefix + "bias", [biases.count], biases),
        ]
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
