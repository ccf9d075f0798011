import Numerics

/// Numbers and text for people, without locale and Foundation.
package enum Format {
    /// A number with a fixed count of decimals, rounded half away from zero.
    ///
    /// Infinity and NaN are `-`.
    package static func decimal(_ value: Double, places: Int) -> String {
        precondition((0...9).contains(places))
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let scaled = (value.magnitude * scale).rounded(.toNearestOrAwayFromZero)
        guard scaled < 0x1p63 else { return "-" }
        let digits = String(Int64(scaled))
        let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard places > 0 else { return sign + padded }
        return sign + padded.dropLast(places) + "." + padded.suffix(places)
    }

    /// A number with at most so many decimals: no zeros at its end.
    package static func trimmed(_ value: Double, places: Int) -> String {
        var text = decimal(value, places: places)
        guard text.contains(".") else { return text }
        while text.last == "0" { text.removeLast() }
        if text.last == "." { text.removeLast() }
        return text
    }

    /// A number with at most so many digits that count, as options are written: `0.001778`, `316.2`,
    /// `1.778e-6`; whole numbers below a million keep all of theirs.
    ///
    /// Infinity and NaN are `-`.
    package static func significant(_ value: Double, digits: Int) -> String {
        precondition((1...6).contains(digits))
        guard value.isFinite else { return "-" }
        guard value != 0 else { return "0" }
        var (mantissa, exponent) = (value.magnitude, 0)
        while mantissa >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
        while mantissa < 1 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
        var text = trimmed(mantissa, places: digits - 1)
        // Rounding may have reached the next power, as 9.9996 does.
        if text == "10" { (text, exponent) = ("1", exponent + 1) }
        if (-3..<6).contains(exponent) {
            return trimmed(value, places: max(0, digits - 1 - exponent))
        }
        return (value < 0 ? "-" : "") + text + "e\(exponent)"
    }

    /// A share of one as a percentage: `91.25%`.
    package static func percent(_ share: Double, places: Int = 2) -> String {
        let number = decimal(share * 100, places: places)
        return number == "-" ? number : number + "%"
    }

    /// A whole number with its thousands apart: `1,313,270`.
    package static func count(_ value: Int) -> String { value.grouped }

    /// A count with its noun: `1 trial`, `1,000 trials`.
    package static func count(_ count: Int, _ noun: String, plural: String? = nil) -> String {
        count.counted(noun, plural: plural)
    }

    /// A span of time in its two largest units: `0.35s`, `7.1s`, `42s`, `1m 05s`, `2h 03m`.
    package static func duration(seconds: Double) -> String {
        guard seconds >= 0, seconds < 0x1p53 else { return "-" }
        // The bounds are where rounding would reach the next form.
        if seconds < 0.995 { return decimal(seconds, places: 2) + "s" }
        if seconds < 9.95 { return decimal(seconds, places: 1) + "s" }
        let whole = Int(seconds.rounded())
        let (minutes, hours, days) = (whole / 60, whole / 3600, whole / 86_400)
        if minutes == 0 { return "\(whole)s" }
        if hours == 0 { return "\(minutes)m \(twoDigits(whole % 60))s" }
        if days == 0 { return "\(hours)h \(twoDigits(minutes % 60))m" }
        return "\(days)d \(twoDigits(hours % 24))h"
    }

    /// Bytes in powers of 1,024: `512 B`, `5.0 MiB`, `61 MiB`.
    package static func bytes(_ count: Int) -> String {
        if count.magnitude < 1024 { return "\(count) B" }
        var value = Double(count) / 1024
        for unit in ["KiB", "MiB", "GiB", "TiB"] {
            // 1,023.5 would be shown as 1024.
            if value.magnitude < 1023.5 { return threeDigits(value) + " " + unit }
            value /= 1024
        }
        return threeDigits(value) + " PiB"
    }

    /// A rate with three digits and a factor of 1,000: `0.42`, `61.3`, `8.40k`, `1.25M`.
    package static func rate(_ value: Double) -> String {
        guard value.isFinite else { return "-" }
        var value = value
        for unit in ["", "k", "M", "G"] {
            if value.magnitude < 999.5 { return threeDigits(value) + unit }
            value /= 1000
        }
        return threeDigits(value) + "T"
    }

    private static func threeDigits(_ value: Double) -> String {
        let places = value.magnitude < 9.995 ? 2 : value.magnitude < 99.95 ? 1 : 0
        return decimal(value, places: places)
    }

    private static func twoDigits(_ value: Int) -> String {
        (value < 10 ? "0" : "") + String(value)
    }

    /// Text filled with spaces up to a width, or cut to it with `~` as its last character.
    ///
    /// Characters are counted, control characters become `?`: a name from a peer must not move the
    /// cursor.
    package static func fitted(_ text: String, width: Int, alignRight: Bool = false) -> String {
        let printable = printable(text)
        if printable.count > width {
            return width > 0 ? printable.prefix(width - 1) + "~" : ""
        }
        let padding = String(repeating: " ", count: width - printable.count)
        return alignRight ? padding + printable : printable + padding
    }

    /// Text in lines of at most `width` characters, broken between words; one line without a width.
    ///
    /// A longer word has a line of its own. `indent` stands before every line but the first.
    package static func wrapped(_ text: String, width: Int?, indent: String = "") -> [String] {
        guard let width, text.count > width else { return [text] }
        var lines: [String] = []
        var line = ""
        for (index, word) in text.split(separator: " ", omittingEmptySubsequences: false)
            .enumerated()
        {
            if line.contains(where: { $0 != " " }), line.count + 1 + word.count > width {
                while line.last == " " { line.removeLast() }
                lines.append(line)
                line = indent + word
            } else {
                line += (index == 0 ? "" : " ") + word
            }
        }
        return lines + [line]
    }

    /// A text whose lines are folded between words, each as far from the left as it was.
    package static func folded(_ text: String, width: Int?) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).flatMap { line in
            wrapped(String(line), width: width, indent: String(line.prefix { $0 == " " }))
        }.joined(separator: "\n")
    }

    /// Text with every control character replaced by `?`.
    package static func printable(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            let category = scalar.properties.generalCategory
            let isControl = [.control, .format, .lineSeparator, .paragraphSeparator].contains(
                category)
            result.unicodeScalars.append(isControl ? "?" : scalar)
        }
        return result
    }
}
