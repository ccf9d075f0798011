import Foundation

/// Any JSON value: an option of a run's configuration.
package enum JSONValue: Hashable, Sendable, Codable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// A whole number of 64 bits, such as a seed: as text where readers of JSON would round it.
    package static func unsigned(_ value: UInt64) -> JSONValue {
        Int64(exactly: value).map { .integer($0) } ?? .string(String(value))
    }

    /// Reads any JSON; a whole number that fits 64 bits becomes `integer`, whatever was written.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    /// Writes the value as itself, without a wrapper.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }

    /// A number, whole or not; nil for anything else.
    package var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        case .null, .bool, .string, .array, .object: nil
        }
    }

    /// The value as a configuration compares it: 1.0 written to a file comes back as 1.
    package var normalised: JSONValue {
        switch self {
        case .number(let value):
            Int64(exactly: value).map { .integer($0) } ?? self
        case .array(let values): .array(values.map(\.normalised))
        case .object(let values): .object(values.mapValues(\.normalised))
        case .null, .bool, .integer, .string: self
        }
    }
}

extension JSONValue {
    /// The value as JSON, on one line; a number that JSON cannot hold is null.
    package var text: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
    }

    /// The value of a JSON text; nil for any other.
    package init?(text: String) {
        guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) else {
            return nil
        }
        self = value
    }
}

extension JSONValue: CustomStringConvertible {
    /// The value on one line, as a message quotes it.
    package var description: String {
        switch self {
        case .null: "none"
        case .bool(let value): String(value)
        case .integer(let value): String(value)
        case .number(let value): String(value)
        case .string(let value): value
        case .array(let values): values.map(\.description).joined(separator: ",")
        case .object(let values):
            "{"
                + values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
                .joined(separator: ", ") + "}"
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral
{
    /// A literal text.
    package init(stringLiteral value: String) { self = .string(value) }
    /// A literal whole number.
    package init(integerLiteral value: Int64) { self = .integer(value) }
    /// A literal number with a fraction.
    package init(floatLiteral value: Double) { self = .number(value) }
    /// A literal truth value.
    package init(booleanLiteral value: Bool) { self = .bool(value) }
}

/// JSON as every file of ours is written: keys in snake case and sorted, indented, a newline at the
/// end.
package enum JSONFile {
    /// The bytes of a value.
    ///
    /// - Throws: ``FormatError`` for a number that JSON cannot hold.
    package static func encode(_ value: some Encodable) throws(FormatError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        // Names of properties only: keys of dictionaries stay as they are.
        encoder.keyEncodingStrategy = .convertToSnakeCase
        do {
            return Array(try encoder.encode(value)) + [UInt8(ascii: "\n")]
        } catch {
            throw .malformed("JSON", "a value cannot be written: \(reason(error))")
        }
    }

    /// The value of bytes.
    ///
    /// - Parameter path: what messages call the file.
    /// - Throws: ``FormatError`` when they are not JSON of that type.
    package static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], path: String = "the JSON"
    ) throws(FormatError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            let finding = bytes.isEmpty ? "it is empty" : reason(error)
            throw .malformed(
                path,
                "\(finding); restore the file from a copy, or make it again with this version"
            )
        }
    }

    /// What is wrong, and where, in words; Foundation's own are for programmers.
    private static func reason(_ error: any Error) -> String {
        func place(_ path: [any CodingKey], _ last: (any CodingKey)? = nil) -> String {
            let keys = path + (last.map { [$0] } ?? [])
            return keys.isEmpty
                ? "content"
                : keys.map { $0.intValue.map(String.init) ?? $0.stringValue }
                    .joined(separator: ".")
        }
        switch error {
        case DecodingError.keyNotFound(let key, let context):
            return "it lacks \(place(context.codingPath, key))"
        case DecodingError.typeMismatch(_, let context),
            DecodingError.valueNotFound(_, let context):
            return "its \(place(context.codingPath)) is not of the right kind"
        case DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty:
            return "its \(place(context.codingPath)) cannot be"
        case EncodingError.invalidValue(let value, let context):
            return "\(value) of \(place(context.codingPath))"
        default: return "it is damaged or cut short"
        }
    }
}
