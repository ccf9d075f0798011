import Foundation
import ImageData
import TestSupport
import Testing

/// A folder that goes away with its last user.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory
            .appendingPathComponent("datasets-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file, with the folders it needs, and returns its path.
    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let url = URL(fileURLWithPath: path).appendingPathComponent(name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
        return url.path
    }

    /// Cuts a file off; cheaper than writing it anew.
    func truncate(_ name: String, to count: Int) throws {
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path + "/" + name))
        try file.truncate(atOffset: UInt64(count))
        try file.close()
    }

    func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: path + "/" + name)
    }
}

func idxImages(count: Int, height: Int, width: Int, pixels: [UInt8]) -> [UInt8] {
    bigEndian(0x803) + [count, height, width].flatMap { bigEndian(UInt32($0)) } + pixels
}

func idxLabels(_ labels: [UInt8]) -> [UInt8] {
    bigEndian(0x801) + bigEndian(UInt32(labels.count)) + labels
}

/// The four standard files of a small MNIST: 2x3 images whose pixels tell row and position.
struct SmallMNIST {
    static let trainImages = "train-images-idx3-ubyte"
    static let trainLabels = "train-labels-idx1-ubyte"
    static let testImages = "t10k-images-idx3-ubyte"
    static let testLabels = "t10k-labels-idx1-ubyte"

    var trainClasses: [UInt8]
    var testClasses: [UInt8]

    init(train: [UInt8] = Array(0..<10) + Array(0..<10), test: [UInt8] = Array(0..<10)) {
        trainClasses = train
        testClasses = test
    }

    static func pixels(rowCount: Int, from first: Int) -> [UInt8] {
        (0..<rowCount * 6).map { UInt8(truncatingIfNeeded: first + $0 / 6 * 7 + $0 % 6) }
    }

    var files: [String: [UInt8]] {
        let trainPixels = Self.pixels(rowCount: trainClasses.count, from: 0)
        let testPixels = Self.pixels(rowCount: testClasses.count, from: 100)
        return [
            Self.trainImages: idxImages(
                count: trainClasses.count, height: 2, width: 3, pixels: trainPixels),
            Self.trainLabels: idxLabels(trainClasses),
            Self.testImages: idxImages(
                count: testClasses.count, height: 2, width: 3, pixels: testPixels),
            Self.testLabels: idxLabels(testClasses),
        ]
    }

    /// Writes the files into `folder`, below `prefix`.
    func write(to folder: TemporaryFolder, prefix: String = "", compressed: Bool = false) throws {
        for (name, bytes) in files {
            if compressed {
                try folder.write(prefix + name + ".gz", gzip(bytes))
            } else {
                try folder.write(prefix + name, bytes)
            }
        }
    }
}

/// One CIFAR-10 file: the pixels of record `r` are `first + r`, plus 1 for each channel.
func cifarFile(labels: [UInt8], from first: Int) -> [UInt8] {
    labels.enumerated().flatMap { record, label in
        [label]
            + (0..<3072).map { UInt8(truncatingIfNeeded: first + record + $0 / 1024) }
    }
}

/// The six standard files, each with two records; the classes run round and round.
func writeSmallCIFAR(to folder: TemporaryFolder, prefix: String = "") throws {
    for batch in 0..<5 {
        let labels = [UInt8(batch * 2), UInt8(batch * 2 + 1)]
        try folder.write(
            prefix + "data_batch_\(batch + 1).bin", cifarFile(labels: labels, from: batch * 10))
    }
    try folder.write(prefix + "test_batch.bin", cifarFile(labels: [0, 1], from: 100))
}

/// What `load` threw; records an issue if it threw nothing.
func failure(
    _ request: DatasetRequest, sourceLocation: SourceLocation = #_sourceLocation
) -> DatasetError? {
    do throws(DatasetError) {
        _ = try Dataset.load(request)
        Issue.record("loaded without an error", sourceLocation: sourceLocation)
        return nil
    } catch {
        return error
    }
}
