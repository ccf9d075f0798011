/// Fields with separators between them, as RFC 4180 quotes them.
package enum CSVFields {
    /// A name as a field: in quotes where it would not be one.
    package static func quoted(_ name: String) -> String {
        let isPlain = !name.unicodeScalars.contains { ",\"\r\n".unicodeScalars.contains($0) }
        return isPlain ? name : inQuotes(name)
    }

    /// A text as a field in quotes, whether or not it needs them.
    package static func inQuotes(_ text: String) -> String {
        "\"" + text.replacing("\"", with: "\"\"") + "\""
    }

    /// The fields of a line with commas; nil where quotes stand where RFC 4180 has none.
    package static func fields(of line: String) -> [String]? {
        let fields = unsafe Array(line.utf8).withUnsafeBufferPointer {
            unsafe all(of: $0, UInt8(ascii: ","))
        }
        return fields?.map { String(decoding: $0, as: UTF8.self) }
    }

    /// The first field of what is left of a row.
    ///
    /// - Returns: what is in it, without quotation marks, and how many bytes it takes; nil for a
    ///   quotation mark that does not end, or is not around a whole field.
    static func first(
        of rest: UnsafeBufferPointer<UInt8>, _ separator: UInt8
    ) -> (content: [UInt8], byteCount: Int)? {
        let quote = UInt8(ascii: "\"")
        guard unsafe rest.first == quote else {
            let end = unsafe rest.firstIndex(of: separator) ?? rest.count
            let content = unsafe Array(rest[..<end])
            return content.contains(quote) ? nil : (content, end)
        }
        var content: [UInt8] = []
        var index = 1
        while index < rest.count {
            let byte = unsafe rest[index]
            index += 1
            guard byte == quote else {
                content.append(byte)
                continue
            }
            if index < rest.count, unsafe rest[index] == quote {
                content.append(quote)
                index += 1
            } else {
                guard unsafe index == rest.count || rest[index] == separator else { return nil }
                return (content, index)
            }
        }
        return nil
    }

    /// All fields of a row; nil if its quotation marks are wrong.
    static func all(of row: UnsafeBufferPointer<UInt8>, _ separator: UInt8) -> [[UInt8]]? {
        var fields: [[UInt8]] = []
        var start = 0
        while true {
            let rest = unsafe UnsafeBufferPointer(rebasing: row[start...])
            guard let (content, length) = unsafe first(of: rest, separator) else { return nil }
            fields.append(content)
            start += length
            if start == row.count { return fields }
            start += 1
        }
    }
}
