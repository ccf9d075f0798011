package import Foundation

/// A JSON text with bytes behind it, as tasks and their outcomes are sent and kept: the text's length as eight
/// bytes, little-endian, the text, the bytes.
package enum PackedText {
    /// What is wrong with bytes that are no such thing; the raw value follows their name in a sentence.
    package enum Flaw: String, Error {
        case noLength = "ends before it begins"
        case cutOff = "is shorter than it says"
    }

    /// An encoder whose texts are equal for equal values.
    package static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    /// The text behind its length, to which bytes may be added.
    package static func packed(_ text: Data) -> [UInt8] {
        var bytes: [UInt8] = []
        for shift in stride(from: 0, to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: text.count >> shift))
        }
        bytes.append(contentsOf: text)
        return bytes
    }

    /// The text, and what is behind it.
    package static func split(
        _ bytes: [UInt8]
    ) throws(Flaw) -> (text: Data, rest: ArraySlice<UInt8>) {
        guard bytes.count >= 8 else { throw .noLength }
        let length = bytes[..<8].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(bytes.count - 8) else { throw .cutOff }
        let end = 8 + Int(length)
        return (Data(bytes[8..<end]), bytes[end...])
    }
}
