import Formats
import Heads
import Numerics
import RunFolder

/// A head whose values say where they belong.
func countingHead(_ classes: [Int], featureCount: Int, from start: Float) -> Head {
    let count = classes.count * featureCount
    return Head(
        classes: ClassSet(classes),
        weights: Matrix(
            rowCount: classes.count, columnCount: featureCount,
            values: (0..<count).map { start + Float($0) }),
        biases: classes.indices.map { -start - Float($0) })
}

let sampleResults = RunResults(
    config: ["dataset": "mnist", "epochs": 12, "learning_rate": 0.1, "json": false],
    data: .init(
        trainRows: 60_000, testRows: 10_000, classes: 2, classNames: ["T-shirt/top", "Ankle boot"],
        featureCount: 256, sha256: "00ff", featureBytes: 26_000_000),
    schemes: [
        "one_vs_all": .init(
            accuracy: 0.9, correct: 9_000, nll: 0.25, brier: 0.125, ece: 0.0625, topFiveAccuracy: 1,
            heads: 1, headsPerPrediction: 1, parameters: 514,
            bytes: 2_056),
        "all_vs_all": .init(
            accuracy: 0.91, correct: 9_100, nll: 0.25, brier: 0.125, ece: 0.0625,
            topFiveAccuracy: 1, heads: 1, headsPerPrediction: 1, parameters: 514,
            bytes: 2_056),
    ],
    digests: .init(features: "aa", heads: "bb", predictions: "cc"),
    timing: .init(
        data: 0.5, backbone: 30, features: 1, broadcast: 0.25, heads: 40, evaluate: 0.125,
        total: 72),
    heads: .init(
        trained: 1, resumed: 0, duplicated: 0, rejected: 0, headEpochsPerSecond: 500,
        gflopsPerSecond: 60.5, wireOverheadBytesPerHead: 41.5),
    workers: [
        .init(
            name: "w1", host: "here", isa: "avx512", threads: 1, heads: 1, busySeconds: 39,
            peakRSSBytes: 1_000_000, bytesReceived: 61_000_000)
    ],
    security: .init(encryption: "none", refused: 0, refusedByReason: [:]),
    versions: ["manyheads": "0.1"])
