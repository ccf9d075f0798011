import Formats
import Numerics
import ONNX
import TestSupport
import Testing

/// A classifier of a few classes with random weights, as arrays and as graphs.
struct Fixture {
    static let classCount = 5
    static let featureCount = 7
    static let means = (0..<featureCount).map { Double($0) / 10 }
    static let scales = (0..<featureCount).map { 1 + Double($0) / 5 }
    /// Convolutions of 3 by 3, then a layer, on images of 8 by 9 of two channels, or one.
    static let height = 8
    static let width = 9

    /// By name; what the reference reads.
    let arrays: [NPZ.Array]
    private let values: [String: (rows: FloatRows, biases: [Float])]
    private let layers: [String: [GraphTensor]]

    init(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        func draw(_ count: Int) -> [Float] {
            (0..<count).map { _ in Float.random(in: -1...1, using: &generator) }
        }
        var arrays: [NPZ.Array] = []
        var values: [String: (rows: FloatRows, biases: [Float])] = [:]
        func rows(_ count: Int, _ width: Int, _ floats: [Float]) -> FloatRows {
            FloatRows(rowCount: count, columnCount: width) {
                Array(floats[$0 * width..<($0 + 1) * width])
            }
        }
        func add(_ name: String, _ count: Int, _ width: Int, scale: Float = 1) {
            let weights = rows(count, width, draw(count * width).map { $0 * scale })
            let biases = draw(count)
            values[name] = (weights, biases)
            arrays.append(NPZ.Array(name + ".w", .rows(weights)))
            arrays.append(NPZ.Array(name + ".b", .floats(biases)))
        }
        let (classes, width) = (Self.classCount, Self.featureCount)
        add("whole", classes, width)
        add("pairs", classes * (classes - 1) / 2, width)
        for size in 2...classes {
            add("tree\(size)", Self.subsets(size).count * size, width)
        }
        arrays.append(NPZ.Array("features", .rows(rows(64, width, draw(64 * width)))))
        arrays.append(NPZ.Array("means", .doubles(Self.means)))
        arrays.append(NPZ.Array("scales", .doubles(Self.scales)))
        var layers: [String: [GraphTensor]] = [:]
        for channels in [1, 2] {
            let name = "images\(channels)"
            // To 6 by 7, to 4 by 5, and half of that.
            let shapes = [[3, channels, 3, 3], [3], [4, 3, 3, 3], [4], [width, 16], [width]]
            layers[name] = shapes.map { shape in
                GraphTensor(shape, .floats(draw(shape.reduce(1, *)).map { $0 / 2 }))
            }
            for (index, tensor) in (layers[name] ?? []).enumerated() {
                guard case .floats(let floats) = tensor.content else { continue }
                arrays.append(NPZ.Array("\(name).\(index)", .floats(floats)))
            }
        }
        add("rest", classes, width)
        // Scores of which most are far from 0.
        add("far", classes, width, scale: 200)
        self.arrays = arrays
        self.values = values
        self.layers = layers
    }

    /// In lexicographic order.
    private static func subsets(_ size: Int) -> [[Int]] {
        (0..<1 << classCount).map { bits in (0..<classCount).filter { bits >> $0 & 1 == 1 } }
            .filter { $0.count == size }.sorted { $0.lexicographicallyPrecedes($1) }
    }

    private func layer(_ name: String) throws -> LinearLayer {
        let (rows, biases) = try #require(values[name])
        return LinearLayer(weights: rows, biases: biases)
    }

    /// The rule that the reference calls by this name.
    func rule(_ name: String) throws -> ClassifierGraph.Rule {
        switch name {
        case "whole": .whole(try layer("whole"))
        case "rest", "far": .rest(try layer(name))
        case "soft": .pairs(.softVote, try layer("pairs"))
        case "hard": .pairs(.hardVote, try layer("pairs"))
        case "coupling": .pairs(.coupling, try layer("pairs"))
        case "shortlist":
            .shortlist(3, whole: try layer("whole"), pairs: try layer("pairs"))
        case "dag": .pairs(.elimination, try layer("pairs"))
        default:
            .tree(
                try (2...Self.classCount).map {
                    SubsetLayer(subsets: Self.subsets($0), layer: try layer("tree\($0)"))
                })
        }
    }

    /// The input that the reference calls by this name.
    func input(_ name: String) -> ClassifierGraph.Input {
        switch name {
        case "l2": .features(count: Self.featureCount, .l2)
        case "standardize":
            .features(
                count: Self.featureCount, .standardize(means: Self.means, scales: Self.scales))
        case "none": .features(count: Self.featureCount, .none)
        default:
            .images(
                ImageLayers(
                    channelCount: name == "images1" ? 1 : 2, height: Self.height,
                    width: Self.width, tensors: layers[name] ?? []))
        }
    }
}
