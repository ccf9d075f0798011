/// The colours that tell one thing from another in all charts, `k0` to `k7`.
enum ChartPalette {
    /// On a light ground.
    static let light = [
        "#4d5966", "#8a6a1f", "#a8521b", "#1a66b0", "#3f93b5", "#23806a",
        "#7c4fa8", "#c22f2f",
    ]
    /// On a dark ground.
    static let dark = [
        "#b3bdc9", "#d9b75f", "#e8955c", "#62aef0", "#7fcbe3", "#58bfa0",
        "#b893e0", "#f27b73",
    ]

    /// The colours as variables of a style sheet.
    static func variables(_ colours: [String]) -> String {
        colours.enumerated().map { "--k\($0.offset): \($0.element);" }.joined(separator: " ")
    }

    /// For a picture in a file of its own: what the colour of each class is, for `currentColor`.
    static func rules(_ colours: [String], of used: [Int]) -> String {
        used.map { ".k\($0) { color: \(colours[$0]) }" }.joined(separator: " ")
    }
}
