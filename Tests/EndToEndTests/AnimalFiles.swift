import Formats
import Foundation
import Numerics
import TestSupport

/// A user's own files: features of six animals, and runs on them.
struct AnimalFiles {
    static let animals = ["cat", "dog", "eel", "fox", "gnu", "hen"]
    static let featureCount = 12
    let folder: TemporaryDirectory

    /// `train` of 30 rows a class, `test` of 10.
    init() throws {
        folder = try TemporaryDirectory()
        try write("train", rowsPerClass: 30)
        try write("test", rowsPerClass: 10)
    }

    /// Rows of these classes in turn, each with noise around its class's own point; the labels are
    /// lines of text.
    func write(_ name: String, rowsPerClass: Int, of classes: [String] = animals) throws {
        var values: [Float] = []
        var labels: [String] = []
        for row in 0..<rowsPerClass {
            for animal in classes {
                let label = Self.animals.firstIndex(of: animal) ?? 0
                for feature in 0..<Self.featureCount {
                    let step = (row * 7_919 + label * 104_729 + feature * 1_299_709) % 1_009
                    let noise = Float(step) / 1_009 - 0.5
                    values.append(noise + (feature % Self.animals.count == label ? 0.4 : 0))
                }
                labels.append(animal)
            }
        }
        try NPY.write(
            Matrix(rowCount: labels.count, columnCount: Self.featureCount, values: values),
            to: folder.path(name + ".npy"))
        try Data(labels.map { $0 + "\n" }.joined().utf8).write(
            to: URL(filePath: folder.path(name + ".txt")))
    }

    /// The options that name one of the files and its labels.
    func options(_ option: String, _ name: String? = nil) -> [String] {
        let path = folder.path(name ?? option)
        return ["--" + option, path + ".npy", "--\(option)-labels", path + ".txt"]
    }

    /// `coordinator run` on two of the files, in the folder `name`.
    func run(
        _ name: String, train: String = "train", test: String? = "test", _ more: [String]
    ) async throws -> (status: Int32, standardOutput: String, standardError: String) {
        try await TestSupport.run(
            Lab.coordinator,
            ["run", "--bind", "tcp://127.0.0.1:0", "--threads", "1"]
                + ["--run-dir", folder.path(name)] + options("train", train)
                + (test.map { options("test", $0) } ?? []) + more, within: .seconds(120))
    }
}
