/// Names with commas between them on one line, as RFC 4180 quotes them.
package enum CSVFields {
    /// A name as a field: in quotes where it would not be one.
    package static func quoted(_ name: String) -> String {
        let isPlain = !name.unicodeScalars.contains { ",\"\r\n".unicodeScalars.contains($0) }
        return isPlain ? name : "\"" + name.replacing("\"", with: "\"\"") + "\""
    }

    /// The fields of a line; nil where quotes stand where RFC 4180 has none.
    package static func fields(of line: String) -> [String]? {
        var fields: [String] = []
        var field: [UInt8] = []
        var (isQuoted, isClosed) = (false, false)
        let quote = UInt8(ascii: "\"")
        let bytes = Array(line.utf8)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if isQuoted {
                if byte != quote {
                    field.append(byte)
                } else if index < bytes.count, bytes[index] == quote {
                    field.append(byte)
                    index += 1
                } else {
                    (isQuoted, isClosed) = (false, true)
                }
            } else if byte == UInt8(ascii: ",") {
                fields.append(String(decoding: field, as: UTF8.self))
                (field, isClosed) = ([], false)
            } else if byte == quote, field.isEmpty, !isClosed {
                isQuoted = true
            } else if byte == quote || isClosed {
                return nil
            } else {
                field.append(byte)
            }
        }
        return isQuoted ? nil : fields + [String(decoding: field, as: UTF8.self)]
    }
}
