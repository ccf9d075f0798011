package import Formats
import Hashing
import Numerics

/// What a user's own training rows weigh, as scikit-learn's `sample_weight`.
package struct SampleWeights: Sendable, Equatable {
    /// Of each row of the training files, finite and not negative, at least one above 0.
    package let values: [Float]
    /// Hexadecimal SHA-256 of the file.
    package let sha256: String

    /// Reads an `.npy` or `FILE.npz:NAME` of numbers along one axis, or a text file of a number a line.
    ///
    /// - Parameter rowCount: of the training rows.
    /// - Throws: `FormatError`, one sentence that names the file, the row and the cure.
    package init(_ text: String, rowCount: Int) throws(FormatError) {
        let file = try UserFiles.file(
            text, names: ["sample_weight", "weights"], "weights of training rows")
        let values = try file.isArray() ? Self.array(file) : Self.lines(of: file.path)
        guard values.count == rowCount else {
            throw .malformed(
                file.description,
                "it has \(values.count.counted("weight")), and there are \(rowCount.counted("training row")); give one for each, in their order"
            )
        }
        if let row = values.firstIndex(where: { !$0.isFinite || $0 < 0 }) {
            throw .malformed(
                file.description,
                "row \(row) (counted from 0) has the weight \(values[row]); a weight is a number from 0 on"
            )
        }
        guard values.contains(where: { $0 > 0 }) else {
            throw .malformed(file.description, "all its weights are 0; give some row more")
        }
        self.values = values
        sha256 = hexadecimal(try ByteSource(file.path).sha256())
    }

    private static func array(_ file: UserFile) throws(FormatError) -> [Float] {
        var array = try file.array()
        return try array.vector()
    }

    private static func lines(of path: String) throws(FormatError) -> [Float] {
        let bytes = try FileSystem.read(path, byteCountMax: 1 << 32)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .malformed(path, "it is not text in UTF-8; write one number a line")
        }
        var values: [Float] = []
        for line in TextLines.of(text) {
            guard let value = Float(line) else {
                throw .malformed(
                    path,
                    "row \(values.count) (counted from 0) is '\(line.prefix(80))', which is no number; write one number a line"
                )
            }
            values.append(value)
        }
        return values
    }
}
