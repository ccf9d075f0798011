import Decoding
import Formats
import Heads
import LeNet
import Model
import ONNX

/// The heads that a scheme asks, as layers of plain rows.
struct ExportedHeads {
    private let model: Model
    private let bank: HeadBank

    /// - Throws: `DecodingError` for heads that do not fit together.
    init(_ model: Model) throws(DecodingError) {
        self.model = model
        bank = try HeadBank(model.heads)
    }

    /// The layer of a scheme that asks one head over all classes: `[class, feature]`.
    ///
    /// - Throws: `DecodingError` when there is none.
    func whole(_ scheme: Scheme) throws(DecodingError) -> LinearLayer {
        if scheme.asks == .output, let output = model.backbone?.outputHead {
            return Self.layer([output])
        }
        return Self.layer([try bank.head(over: .all(model.classCount))])
    }

    /// The layer of pairs: `[pair, feature]`, what the first of each pair has more than the second.
    ///
    /// - Throws: `DecodingError` naming a pair without a head.
    func pairs(_ pairs: [(first: Int, second: Int)]) throws(DecodingError) -> LinearLayer {
        var heads: [(head: Head, first: Int)] = []
        for (first, second) in pairs {
            // Outputs ascend by class, whichever is asked for first.
            heads.append(
                (try bank.head(over: ClassSet(pair: first, second)), first < second ? 0 : 1))
        }
        return Self.differences(heads)
    }

    /// The layer of classes against the rest: `[class, feature]`, what a class's own output has more than
    /// the rest's.
    ///
    /// - Throws: `DecodingError` naming a class without such a head.
    func rests(_ classes: Range<Int>) throws(DecodingError) -> LinearLayer {
        var heads: [(head: Head, first: Int)] = []
        for own in classes {
            // The lowest class is in the rest of any other.
            heads.append(
                (try bank.head(of: .rest(own, of: .all(model.classCount))), own == 0 ? 0 : 1))
        }
        return Self.differences(heads)
    }

    /// What one output of each head of two has more than the other: `[head, feature]`.
    private static func differences(_ heads: [(head: Head, first: Int)]) -> LinearLayer {
        let outputs = layer(heads.map(\.head))
        let places = heads.enumerated().map { (2 * $0 + $1.first, 2 * $0 + 1 - $1.first) }
        return LinearLayer(
            weights: FloatRows(
                rowCount: places.count, columnCount: outputs.weights.columnCount
            ) { index in
                let (first, second) = places[index]
                return zip(outputs.weights[first], outputs.weights[second]).map { $0 - $1 }
            },
            biases: places.map { outputs.biases[$0] - outputs.biases[$1] })
    }

    /// The heads over all subsets, by size from 2 on.
    ///
    /// Traps above `HeadPlan.subsetClassCountMax` classes.
    ///
    /// - Throws: `DecodingError` when a subset has no head.
    func subsets() throws(DecodingError) -> [SubsetLayer] {
        var heads = [[Head]](repeating: [], count: model.classCount - 1)
        for key in HeadPlan(.subsets, classCount: model.classCount).heads {
            heads[key.outputCount - 2].append(try bank.head(over: key.classes))
        }
        return heads.map { heads in
            SubsetLayer(subsets: heads.map(\.classes.members), layer: Self.layer(heads))
        }
    }

    /// The outputs of heads of one size, one after the other.
    private static func layer(_ heads: [Head]) -> LinearLayer {
        let size = heads[0].outputCount
        let width = heads[0].featureCount
        return LinearLayer(
            weights: FloatRows(rowCount: heads.count * size, columnCount: width) { row in
                let weights = heads[row / size].weightSlice
                let start = weights.startIndex + row % size * width
                return Array(weights[start..<start + width])
            }, biases: heads.flatMap { $0.biases })
    }
}
