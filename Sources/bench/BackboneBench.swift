import ArgumentParser
import Foundation
import HeadTraining
import LeNet
import Numerics
import Statistics
import System

/// `bench backbone`: training and feature extraction of the LeNet on random images.
struct BackboneBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backbone", abstract: "Trains the backbone and extracts features.",
        discussion: "Example: bench backbone --threads 2 --json")

    @Flag(help: "Print JSON instead of a table.")
    var json = false

    @Option(help: "Threads (default: all cores).")
    var threads: Int?

    @Option(help: "Images per epoch.")
    var rows = 6_000

    @Option(help: "Epochs and extractions measured; the medians count. One more epoch comes first.")
    var epochs = 3

    @Option(help: "Channels and side of an image: 1x28 or 3x32.")
    var images = "1x28"

    @Option(help: "Numbers of the heavy products: fp32, bf16 or fp32-library.")
    var precision = BackbonePrecision.fp32

    func validate() throws {
        guard (1...1_024).contains(threads ?? 1) else {
            throw ValidationError("--threads must be 1 to 1,024, not \(threads ?? 1)")
        }
        guard rows >= 1, epochs >= 1 else {
            throw ValidationError(
                "--rows and --epochs must be at least 1, not \(rows) and \(epochs)")
        }
        guard ["1x28", "3x32"].contains(images) else {
            throw ValidationError("--images must be 1x28 or 3x32, not '\(images)'")
        }
    }

    func run() throws { try Output.failing(measure) }

    private func measure() throws {
        let threadCount = threads ?? Processor.availableCoreCount
        let (channelCount, side) = images == "1x28" ? (1, 28) : (3, 32)
        var configuration = BackboneConfiguration(
            channelCount: channelCount, height: side, width: side, classCount: 10, seed: 0,
            threadCount: threadCount)
        configuration.precision = precision
        let (pixels, labels) = Self.images(rows, pixelCount: configuration.pixelCount)
        let backbone = try Backbone(configuration)
        try backbone.trainEpoch(0, pixels: pixels, labels: labels)
        let clock = ContinuousClock()
        var seconds: [Double] = []
        for epoch in 1...epochs {
            let elapsed = try clock.measure {
                _ = try backbone.trainEpoch(epoch, pixels: pixels, labels: labels)
            }
            seconds.append(elapsed / .seconds(1))
        }
        var features = Matrix(rowCount: 0, columnCount: 1)
        var extractions: [Double] = []
        for _ in 1...epochs {
            let elapsed = try clock.measure { features = try backbone.features(pixels: pixels) }
            extractions.append(elapsed / .seconds(1))
        }
        let extraction = Median.of(extractions)
        let median = Median.of(seconds)
        let rate = Double(rows) / median
        // Training on an image is counted as three forward passes.
        let flops = 3 * configuration.forwardFlops
        let peak = try Peak.measure(KernelVariant.select(nil)) * Double(threadCount)
        var digest = Digest()
        digest.add(features.values)
        try Output.print(
            Measurement(
                images: images, rows: rows, threads: threadCount, precision: precision.rawValue,
                secondsPerEpoch: median, imagesPerSecond: rate,
                gflopsPerSecond: rate * flops * 1e-9, peakGflopsPerSecond: peak,
                fractionOfPeak: rate * flops * 1e-9 / peak,
                featureImagesPerSecond: Double(rows) / extraction,
                digest: digest.text), asJSON: json)
    }

    private static func images(_ count: Int, pixelCount: Int) -> ([UInt8], [Int]) {
        var pixels: [UInt8] = []
        pixels.reserveCapacity(count * pixelCount)
        for row in 0..<count {
            for block in 0..<(pixelCount + 3) / 4 {
                let words = Philox.block(seed: 3, UInt32(row), UInt32(block), 0, 0)
                for lane in 0..<min(4, pixelCount - 4 * block) {
                    pixels.append(UInt8(words[lane] >> 24))
                }
            }
        }
        return (pixels, (0..<count).map { $0 % 10 })
    }
}

/// What was measured; keys as in `--json`.
private struct Measurement: Encodable, CustomStringConvertible {
    let images: String
    let rows: Int
    let threads: Int
    let precision: String
    let secondsPerEpoch: Double
    let imagesPerSecond: Double
    let gflopsPerSecond: Double
    let peakGflopsPerSecond: Double
    let fractionOfPeak: Double
    let featureImagesPerSecond: Double
    let digest: String

    var description: String {
        String(
            format:
                "%@ threads %d %@: %.0f images/s, %.1f GFLOP/s, peak %.1f, fraction %.3f; features %.0f images/s, %@",
            images, threads, precision, imagesPerSecond, gflopsPerSecond, peakGflopsPerSecond,
            fractionOfPeak, featureImagesPerSecond, digest)
    }
}

extension BackbonePrecision: ExpressibleByArgument {}
