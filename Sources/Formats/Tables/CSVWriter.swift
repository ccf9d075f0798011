/// Rows of a CSV file (RFC 4180), as every reader of such files takes them.
///
/// Names and labels are always in quotation marks, so that `NA`, `007` and `yes` stay text where a
/// reader heeds them; floats have nine digits, which give the same float32 again, and always a point or
/// an exponent, since some readers take the type of a column from its first rows.
package struct CSVWriter {
    /// What has been written since it was last taken.
    package private(set) var bytes: [UInt8] = []
    private var isAtStart = true

    /// A writer of nothing yet.
    package init() {}

    /// Ends the row.
    package mutating func endRow() {
        bytes.append(0x0A)
        isAtStart = true
    }

    /// Writes a row of names.
    package mutating func header(_ names: [String]) {
        for name in names { field(name) }
        endRow()
    }

    /// Writes text, in quotation marks.
    package mutating func field(_ text: String) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            if byte == UInt8(ascii: "\"") { bytes.append(byte) }
            bytes.append(byte)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Writes a whole number.
    package mutating func field(_ number: Int) {
        separate()
        bytes.append(contentsOf: String(number).utf8)
    }

    /// Writes a float as the shortest decimal that gives it again; what is not finite as `nan`, `inf` or
    /// `-inf`.
    package mutating func field(_ number: Float) {
        separate()
        bytes.append(contentsOf: "\(number)".utf8)
    }

    /// Takes what has been written, so that it need not be held.
    package mutating func take() -> [UInt8] {
        defer { bytes.removeAll(keepingCapacity: true) }
        return bytes
    }

    private mutating func separate() {
        if !isAtStart { bytes.append(UInt8(ascii: ",")) }
        isAtStart = false
    }
}
