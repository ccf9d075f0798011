extension BinaryInteger {
    /// The number for people, with its thousands apart: `1,313,270`.
    package var grouped: String {
        let digits = String(magnitude)
        var result = self < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0 && (digits.count - index) % 3 == 0 { result.append(",") }
            result.append(digit)
        }
        return result
    }

    /// The number with its noun: `1 trial`, `1,000 trials`, `2 classes`.
    package func counted(_ noun: String, plural: String? = nil) -> String {
        grouped + " " + (self == 1 ? noun : plural ?? noun + (noun.hasSuffix("s") ? "es" : "s"))
    }
}
