/// Reads JSON from its beginning to its end, without making a tree of it.
///
/// What is read is as RFC 8259 has it, and besides `NaN`, `Infinity` and `-Infinity` where a number may
/// stand, as Python writes them.
struct JSONReader {
    /// Deeper than this nothing is read that is only passed over.
    private static let depthMax = 64

    private let bytes: [UInt8]
    private var index = 0
    private let end: Int

    init(_ bytes: [UInt8], byteCount: Int) {
        precondition(byteCount <= bytes.count)
        self.bytes = bytes
        end = byteCount
    }

    private func failure(_ expected: String) -> InferenceError {
        let found = index < end ? "at byte \(index)" : "where the JSON ends"
        return InferenceError("the request is not JSON: \(expected) expected \(found)")
    }

    /// A value of another kind than it must be; where none begins, the text is not JSON.
    private func mismatch(_ name: String, _ kind: String) -> InferenceError {
        let rest = bytes[index..<end]
        let found: String? =
            switch rest.first ?? 0 {
            case UInt8(ascii: "{"): "an object"
            case UInt8(ascii: "["): "an array"
            case UInt8(ascii: "\""): "a string"
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): "a number"
            default: ["true", "false", "null"].first { rest.starts(with: $0.utf8) }
            }
        // A number that is cut short begins as one.
        guard let found, found != kind else { return failure("\(kind) (\(name))") }
        return InferenceError("\(name) must be \(kind), not \(found) (byte \(index))")
    }

    /// The next byte that is not blank, which is not taken; 0 at the end.
    mutating func peek() -> UInt8 {
        while index < end {
            let byte = bytes[index]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
            index += 1
        }
        return 0
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte, index < end else { return false }
        index += 1
        return true
    }

    private mutating func takeWord(_ word: String) -> Bool {
        let count = word.utf8.count
        guard index + count <= end, bytes[index..<index + count].elementsEqual(word.utf8) else {
            return false
        }
        index += count
        return true
    }

    /// Takes `null`, if it is next.
    mutating func takeNull() -> Bool { peek() == UInt8(ascii: "n") && takeWord("null") }

    /// Nothing may be left.
    mutating func finish() throws(InferenceError) {
        if peek() != 0 || index < end { throw failure("the end") }
    }

    /// An object; `body` reads the value of each key.
    mutating func object(
        _ name: String,
        _ body: (String, inout JSONReader) throws(InferenceError) -> Void
    ) throws(InferenceError) {
        guard take(UInt8(ascii: "{")) else { throw mismatch(name, "an object") }
        if take(UInt8(ascii: "}")) { return }
        repeat {
            guard peek() == UInt8(ascii: "\"") else { throw failure("a key of \(name)") }
            let key = try string("a key")
            guard take(UInt8(ascii: ":")) else { throw failure("a colon") }
            try body(key, &self)
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw failure("a comma or the end of \(name)") }
    }

    /// An array; `body` reads each element.
    mutating func array(
        _ name: String, _ body: (inout JSONReader) throws(InferenceError) -> Void
    ) throws(InferenceError) {
        guard take(UInt8(ascii: "[")) else { throw mismatch(name, "an array") }
        if take(UInt8(ascii: "]")) { return }
        repeat { try body(&self) } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw failure("a comma or the end of \(name)") }
    }

    /// A string.
    mutating func string(_ name: String) throws(InferenceError) -> String {
        guard take(UInt8(ascii: "\"")) else { throw mismatch(name, "a string") }
        let start = index
        while index < end, bytes[index] != UInt8(ascii: "\""), bytes[index] != UInt8(ascii: "\\"),
            bytes[index] >= 0x20
        {
            index += 1
        }
        guard index < end, bytes[index] == UInt8(ascii: "\"") else {
            return try escapedString(start)
        }
        defer { index += 1 }
        return try text(bytes[start..<index])
    }

    private func text(_ bytes: ArraySlice<UInt8>) throws(InferenceError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw InferenceError("the request is not JSON: a string of it is not UTF-8")
        }
        return text
    }

    /// The rest of a string from its first escape on.
    private mutating func escapedString(_ start: Int) throws(InferenceError) -> String {
        var units = Array(bytes[start..<index])
        while index < end, bytes[index] != UInt8(ascii: "\"") {
            let byte = bytes[index]
            guard byte >= 0x20 else { throw failure("no control character in a string") }
            index += 1
            guard byte == UInt8(ascii: "\\") else {
                units.append(byte)
                continue
            }
            guard index < end else { break }
            let escaped = bytes[index]
            index += 1
            switch escaped {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(escaped)
            case UInt8(ascii: "b"): units.append(8)
            case UInt8(ascii: "f"): units.append(12)
            case UInt8(ascii: "n"): units.append(10)
            case UInt8(ascii: "r"): units.append(13)
            case UInt8(ascii: "t"): units.append(9)
            case UInt8(ascii: "u"): units += try escapedCharacter()
            default: throw failure("an escape")
            }
        }
        guard index < end else { throw failure("the end of a string") }
        index += 1
        return try text(units[...])
    }

    /// What stands after `\u`: one unit of UTF-16, or two.
    private mutating func escapedCharacter() throws(InferenceError) -> String.UTF8View {
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return String(Character(scalar)).utf8 }
        guard first < 0xDC00, takeWord("\\u") else { throw failure("a pair of surrogates") }
        let second = try hexadecimal()
        guard (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw failure("a pair of surrogates") }
        return String(Character(scalar)).utf8
    }

    private mutating func hexadecimal() throws(InferenceError) -> UInt32 {
        guard index + 4 <= end,
            let digits = String(validating: bytes[index..<index + 4], as: UTF8.self),
            digits.allSatisfy(\.isHexDigit), let value = UInt32(digits, radix: 16)
        else { throw failure("four hexadecimal digits") }
        index += 4
        return value
    }

    /// `true` or `false`.
    mutating func boolean(_ name: String) throws(InferenceError) -> Bool {
        switch peek() {
        case UInt8(ascii: "t") where takeWord("true"): return true
        case UInt8(ascii: "f") where takeWord("false"): return false
        default: throw mismatch(name, "true or false")
        }
    }

    /// A whole number.
    mutating func integer(_ name: String) throws(InferenceError) -> Int {
        let first = peek()
        guard first == UInt8(ascii: "-") || (0x30...0x39).contains(first) else {
            throw mismatch(name, "a whole number")
        }
        let start = index
        let value = try number()
        // As large as both a double and a dimension may be.
        guard let whole = Int(exactly: value), abs(whole) < 1 << 53 else {
            throw InferenceError(
                "\(name) must be a whole number below 2^53, not \(text(start..<index).prefix(40)) (byte \(start))"
            )
        }
        return whole
    }

    /// A value that nobody wants.
    mutating func skip() throws(InferenceError) { try skip(depth: 0) }

    private mutating func skip(depth: Int) throws(InferenceError) {
        guard depth <= Self.depthMax else {
            throw InferenceError("the request is nested too deep")
        }
        switch peek() {
        case UInt8(ascii: "{"):
            try object("an object") { (_, reader) throws(InferenceError) in
                try reader.skip(depth: depth + 1)
            }
        case UInt8(ascii: "["):
            try array("an array") { (reader) throws(InferenceError) in
                try reader.skip(depth: depth + 1)
            }
        case UInt8(ascii: "\""): _ = try string("a string")
        case UInt8(ascii: "t"), UInt8(ascii: "f"): _ = try boolean("a value")
        default: _ = try number()
        }
    }
}

// MARK: Numbers

extension JSONReader {
    /// Powers of ten that a double holds exactly.
    private static let powers: [Double] = (0...22).map { exponent in
        (0..<exponent).reduce(1.0) { power, _ in power * 10 }
    }

    /// A number as float32, the nearest to what was written.
    ///
    /// `null` and NaN are NaN, `true` and `false` 1 and 0.
    mutating func float() throws(InferenceError) -> Float {
        _ = peek()
        let start = index
        let value = try number()
        if value == 0 || !value.isFinite { return Float(value) }
        // Two units in the last place of the double matter only close to the middle between two
        // neighbours of float32, 29 bits further up, and where float32 ends.
        let rest = Int64(value.bitPattern & 0x1FFF_FFFF) - 0x1000_0000
        if abs(rest) > 8, value.magnitude > 0x1p-120, value.magnitude < 0x1p120 {
            return Float(value)
        }
        return Float(text(start..<index)) ?? Float(value)
    }

    fileprivate func text(_ range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }

    /// A number, within two units in the last place.
    fileprivate mutating func number() throws(InferenceError) -> Double {
        switch peek() {
        case UInt8(ascii: "n") where takeWord("null"), UInt8(ascii: "N") where takeWord("NaN"):
            return .nan
        case UInt8(ascii: "I") where takeWord("Infinity"): return .infinity
        case UInt8(ascii: "t") where takeWord("true"): return 1
        case UInt8(ascii: "f") where takeWord("false"): return 0
        default: break
        }
        let start = index
        let isNegative = take(UInt8(ascii: "-"))
        if isNegative, index < end, bytes[index] == UInt8(ascii: "I"), takeWord("Infinity") {
            return -.infinity
        }
        var digits = Digits()
        let whole = takeDigits(&digits)
        guard whole == 1 || whole > 1 && bytes[index - whole] != UInt8(ascii: "0") else {
            index = start
            throw mismatch("a value", "a number")
        }
        if index < end, bytes[index] == UInt8(ascii: ".") {
            index += 1
            let count = takeDigits(&digits)
            guard count > 0 else { throw failure("a digit") }
            digits.exponent = -count
        }
        try takeExponent(&digits)
        let magnitude = digits.value(Self.powers)
        // The grammar was checked: the standard library knows it too.
        guard let magnitude else { return Double(text(start..<index)) ?? .nan }
        return isNegative ? -magnitude : magnitude
    }

    private mutating func takeExponent(_ digits: inout Digits) throws(InferenceError) {
        guard index < end, bytes[index] | 0x20 == UInt8(ascii: "e") else { return }
        index += 1
        var sign = 1
        if index < end, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
            sign = bytes[index] == UInt8(ascii: "-") ? -1 : 1
            index += 1
        }
        let start = index
        var exponent = 0
        while index < end, case let digit = bytes[index] &- 0x30, digit < 10 {
            exponent = min(exponent * 10 + Int(digit), 100_000)
            index += 1
        }
        guard index > start else { throw failure("a digit") }
        digits.exponent += sign * exponent
    }

    /// Takes digits, and says how many.
    private mutating func takeDigits(_ digits: inout Digits) -> Int {
        let start = index
        while index < end, case let digit = bytes[index] &- 0x30, digit < 10 {
            digits.append(digit)
            index += 1
        }
        return index - start
    }

    /// The digits of a number, as far as 64 bits hold them, and its power of ten.
    private struct Digits {
        var mantissa: UInt64 = 0
        var exponent = 0
        /// Whether there were more.
        var isCut = false
        /// Below this ten times more still fits.
        private static let roomMax = UInt64(UInt64.max / 10 - 1)

        mutating func append(_ digit: UInt8) {
            guard mantissa <= Self.roomMax else {
                isCut = true
                return
            }
            mantissa = mantissa * 10 + UInt64(digit)
        }

        /// Nil where digits or powers are too many.
        func value(_ powers: [Double]) -> Double? {
            if mantissa == 0 { return 0 }
            guard !isCut, exponent.magnitude < powers.count else { return nil }
            // The power is exact: at most two roundings (Clinger 1990).
            let value = Double(mantissa)
            let power = powers[Int(exponent.magnitude)]
            return exponent < 0 ? value / power : value * power
        }
    }
}
