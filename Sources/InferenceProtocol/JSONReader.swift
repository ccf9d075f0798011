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
        guard take(UInt8(ascii: "{")) else { throw failure("an object (\(name))") }
        if take(UInt8(ascii: "}")) { return }
        repeat {
            let key = try string("a key of \(name)")
            guard take(UInt8(ascii: ":")) else { throw failure("a colon") }
            try body(key, &self)
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw failure("a comma or the end of \(name)") }
    }

    /// An array; `body` reads each element.
    mutating func array(
        _ name: String, _ body: (inout JSONReader) throws(InferenceError) -> Void
    ) throws(InferenceError) {
        guard take(UInt8(ascii: "[")) else { throw failure("an array (\(name))") }
        if take(UInt8(ascii: "]")) { return }
        repeat { try body(&self) } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw failure("a comma or the end of \(name)") }
    }

    /// A string.
    mutating func string(_ name: String) throws(InferenceError) -> String {
        guard take(UInt8(ascii: "\"")) else { throw failure("a string (\(name))") }
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
        default: throw failure("true or false (\(name))")
        }
    }

    /// A whole number.
    mutating func integer(_ name: String) throws(InferenceError) -> Int {
        _ = peek()
        let start = index
        let value = try number()
        // As large as both a double and a dimension may be.
        guard let whole = Int(exactly: value.value), abs(whole) < 1 << 53 else {
            index = start
            throw failure("a whole number (\(name))")
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

    /// A number as it was written.
    struct Number {
        /// Within two units in the last place, unless `isExact`.
        let value: Double
        /// Whether `value` is the double nearest to what was written.
        let isExact: Bool
    }

    /// A number as float32.
    ///
    /// What was written, as the nearest double, as the nearest float32: so NumPy does it with the JSON
    /// that Python reads. `null` and NaN are NaN, `true` and `false` 1 and 0.
    mutating func float() throws(InferenceError) -> Float {
        _ = peek()
        let start = index
        let number = try number()
        if number.isExact { return Float(number.value) }
        // Two units in the last place of the double matter only close to the middle between two
        // neighbours of float32, 29 bits further up, and where float32 ends.
        let rest = Int64(number.value.bitPattern & 0x1FFF_FFFF) - 0x1000_0000
        if abs(rest) > 8, number.value.magnitude > 0x1p-120, number.value.magnitude < 0x1p120 {
            return Float(number.value)
        }
        return Float(exactly(start..<index))
    }

    private func exactly(_ range: Range<Int>) -> Double {
        // The grammar was checked: the standard library knows it too.
        Double(String(decoding: bytes[range], as: UTF8.self)) ?? .nan
    }

    fileprivate mutating func number() throws(InferenceError) -> Number {
        switch peek() {
        case UInt8(ascii: "n") where takeWord("null"), UInt8(ascii: "N") where takeWord("NaN"):
            return Number(value: .nan, isExact: true)
        case UInt8(ascii: "I") where takeWord("Infinity"):
            return Number(value: .infinity, isExact: true)
        case UInt8(ascii: "t") where takeWord("true"): return Number(value: 1, isExact: true)
        case UInt8(ascii: "f") where takeWord("false"): return Number(value: 0, isExact: true)
        default: break
        }
        let start = index
        let isNegative = take(UInt8(ascii: "-"))
        if isNegative, index < end, bytes[index] == UInt8(ascii: "I"), takeWord("Infinity") {
            return Number(value: -.infinity, isExact: true)
        }
        var digits = Digits()
        let whole = takeDigits(&digits)
        guard whole == 1 || whole > 1 && bytes[index - whole] != UInt8(ascii: "0") else {
            index = start
            throw failure("a number")
        }
        if index < end, bytes[index] == UInt8(ascii: ".") {
            index += 1
            let count = takeDigits(&digits)
            guard count > 0 else { throw failure("a digit") }
            digits.exponent = -count
        }
        try takeExponent(&digits)
        return digits.number(isNegative, Self.powers)
            ?? Number(value: exactly(start..<index), isExact: true)
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

        /// Nil where the exact way has to be taken.
        func number(_ isNegative: Bool, _ powers: [Double]) -> Number? {
            if mantissa == 0 { return Number(value: isNegative ? -0.0 : 0, isExact: true) }
            guard !isCut, exponent.magnitude < powers.count else { return nil }
            // Exact below 2^53, and so is the power; then one rounding is left (Clinger 1990).
            let value = Double(mantissa)
            let power = powers[Int(exponent.magnitude)]
            let result = exponent < 0 ? value / power : value * power
            return Number(
                value: isNegative ? -result : result, isExact: mantissa <= 1 << 53)
        }
    }
}
