import Display

/// Letters of one size in pictures of any size.
///
/// A picture grows with its place, and its letters would with it. The rules make them smaller in the
/// picture's own units, step by step, so that on the screen they stay within a twentieth of the size
/// they have at the picture's own width.
enum ChartLetters {
    /// In pixels, at the picture's own width.
    static let size = 13.0
    /// From one step to the next.
    private static let step = 1.08

    /// Rules for `element` in a place up to `widest` pixels wide; `query` is the at-rule that asks for a least width.
    static func rules(
        for element: String, width: Double, widest: Double, query: String
    ) -> String {
        var text = "\(element) { font-size: \(pixels(size)) }\n"
        var least = width * step.squareRoot()
        while least < widest {
            // Right in the middle of the step.
            let letters = size * width / (least * step.squareRoot())
            text +=
                "\(query) (min-width: \(pixels(least))) { \(element) { font-size: \(pixels(letters)) } }\n"
            least *= step
        }
        return text
    }

    private static func pixels(_ value: Double) -> String {
        Format.trimmed(value, places: 2) + "px"
    }
}
