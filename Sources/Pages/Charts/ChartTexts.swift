import Display

/// The texts of a picture, of which none covers another.
struct ChartTexts {
    enum Anchor: String {
        case start = "start"
        case middle = "middle"
        case end = "end"
    }

    private struct Box {
        let left: Double
        let top: Double
        let right: Double
        let bottom: Double

        func meets(_ other: Box) -> Bool {
            left < other.right && other.left < right && top < other.bottom && other.top < bottom
        }
    }

    /// From one line to the next.
    static let lineHeight = 16.0
    /// A generous guess at the width of a digit or letter of 13 pixels.
    private static let letterWidth = 7.6

    /// SVG elements.
    private(set) var lines: [String] = []
    private var taken: [Box] = []

    /// Writes a text at its place, even over others.
    mutating func add(
        _ text: String, x: Double, y: Double, _ style: String = "", anchor: Anchor = .start
    ) {
        taken.append(Self.box(text, x, y, anchor))
        let kind = style.isEmpty ? "" : " class=\"\(style)\""
        lines.append(
            "<text\(kind) x=\"\(Format.decimal(x, places: 1))\" y=\"\(Format.decimal(y, places: 1))\" text-anchor=\"\(anchor.rawValue)\">\(Markup.escaped(text))</text>"
        )
    }

    /// Keeps texts off a mark.
    mutating func keepFree(around x: Double, _ y: Double, radius: Double) {
        taken.append(Box(left: x - radius, top: y - radius, right: x + radius, bottom: y + radius))
    }

    /// Writes a text beside a mark on the side that is free within these bounds; nothing if none
    /// is.
    mutating func addIfFree(
        _ text: String, _ style: String, near x: Double, _ y: Double, radius: Double, left: Double,
        right: Double, top: Double = -.infinity, floor: Double
    ) {
        let gap = radius + 4
        let places: [(Double, Double, Anchor)] = [
            (x - gap, y - gap, .end), (x, y - gap - 4, .middle), (x + gap, y + gap + 8, .start),
            (x, y + gap + 12, .middle), (x + gap, y - gap, .start),
        ]
        for (x, y, anchor) in places {
            let box = Self.box(text, x, y, anchor)
            guard box.left >= left, box.right <= right, box.top >= top, box.bottom <= floor,
                !taken.contains(where: box.meets)
            else { continue }
            return add(text, x: x, y: y, style, anchor: anchor)
        }
    }

    private static func box(_ text: String, _ x: Double, _ y: Double, _ anchor: Anchor) -> Box {
        let width = Double(text.count) * letterWidth
        let left =
            switch anchor {
            case .start: x
            case .middle: x - width / 2
            case .end: x - width
            }
        return Box(left: left, top: y - 11, right: left + width, bottom: y + 3)
    }
}
