package import Formats
package import Heads
import Numerics

/// model.safetensors: the backbone's tensors, and the heads in few big tensors, one set per size.
package enum ModelArtefact {
    /// The file of a model.
    ///
    /// - Parameters:
    ///   - backbone: named as the contract names them (`backbone.conv1.weight` and so on).
    ///   - heads: in any order; stored by size, then lexicographically by class list.
    ///   - metadata: data set, classes, seed, digests.
    /// - Throws: ``FormatError`` when heads are not equally wide or two are over one class set.
    package static func file(
        backbone: [NamedTensor], heads: [Head], metadata: [String: String]
    ) throws(FormatError) -> Safetensors {
        var tensors = backbone
        let ordered = RunDigests.planOrdered(heads)
        for (left, right) in zip(ordered, ordered.dropFirst()) {
            guard left.classes != right.classes else {
                throw .malformed("model", "two heads are over classes \(left.classes)")
            }
            guard left.weights.columnCount == right.weights.columnCount else {
                throw .malformed("model", "heads are not over equally many features")
            }
        }
        var start = 0
        while start < ordered.count {
            let size = ordered[start].biases.count
            let end = ordered[start...].firstIndex { $0.biases.count != size } ?? ordered.count
            let group = ordered[start..<end]
            let width = ordered[start].weights.columnCount
            let prefix = "heads.k\(size)."
            tensors.append(
                NamedTensor(
                    name: prefix + "classes", shape: [group.count, size],
                    content: .int64(group.flatMap { $0.classes.members.map { Int64($0) } })))
            var weights: [Float] = []
            weights.reserveCapacity(group.count * size * width)
            for head in group { weights += head.weights.values }
            tensors.append(NamedTensor(prefix + "weight", [group.count, size, width], weights))
            tensors.append(
                NamedTensor(prefix + "bias", [group.count, size], group.flatMap(\.biases)))
            start = end
        }
        return Safetensors(metadata: metadata, tensors: tensors)
    }

    /// The heads of a model's file, by size, then lexicographically by class list.
    ///
    /// - Throws: ``FormatError`` when a size lacks a tensor, shapes disagree, or a class list is
    ///   not ascending.
    package static func heads(in file: Safetensors) throws(FormatError) -> [Head] {
        var heads: [Head] = []
        for classes in file.tensors where classes.name.hasPrefix("heads.k") {
            guard classes.name.hasSuffix(".classes") else { continue }
            let prefix = String(classes.name.dropLast("classes".count))
            guard classes.shape.count == 2, classes.shape[1] >= 2, let lists = classes.integers,
                let weight = file[prefix + "weight"], let weights = weight.floats,
                weight.shape.count == 3, Array(weight.shape[..<2]) == classes.shape,
                let bias = file[prefix + "bias"], let biases = bias.floats,
                bias.shape == classes.shape
            else {
                throw .malformed("model", "\(prefix)classes, weight and bias do not fit together")
            }
            let size = classes.shape[1]
            let width = weight.shape[2]
            for index in 0..<classes.shape[0] {
                let list = lists[index * size..<(index + 1) * size]
                guard zip(list, list.dropFirst()).allSatisfy({ $0 < $1 }),
                    list.allSatisfy({ (0..<classIndexMax).contains($0) })
                else {
                    throw .malformed("model", "\(prefix)classes has a list that is not ascending")
                }
                let values = weights[index * size * width..<(index + 1) * size * width]
                heads.append(
                    Head(
                        classes: ClassSet(list.map { Int($0) }),
                        weights: Matrix(
                            rowCount: size, columnCount: width, values: Array(values)),
                        biases: Array(biases[index * size..<(index + 1) * size])))
            }
        }
        return RunDigests.planOrdered(heads)
    }

    // A class set is a bit set: a file must not make it as large as it likes.
    private static let classIndexMax: Int64 = 1 << 20
}
