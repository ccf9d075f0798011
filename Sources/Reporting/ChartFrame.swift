import Glibc

/// Where workers and speedups lie in the picture: both axes have the same scale.
struct ChartFrame {
    let left = 70.0
    let rightEdge = 590.0
    let top = 84.0
    let floor = 440.0
    /// The most workers shown.
    let most: Double
    /// The largest number on both axes.
    let limit: Double
    /// The smallest number on both axes.
    private let low: Double
    private let isDoubling: Bool

    /// The frame for so many workers; `least` is the smallest speedup, at most 1.
    init(most: Double, least: Double) {
        self.most = most
        isDoubling = most > 8
        limit = isDoubling ? most * 1.3 : max(2, most) + max(1, (most / 8).rounded(.down)) * 0.5
        low = isDoubling ? max(0.25, least) * 0.84 : 0
    }

    /// Evenly spaced numbers, or powers of two.
    var ticks: [Double] {
        guard isDoubling else { return Array(stride(from: 0.0, through: limit, by: 1)) }
        return Array(sequence(first: 1.0) { $0 * 2 <= limit ? $0 * 2 : nil })
    }

    func x(_ workers: Double) -> Double { left + share(workers) * (rightEdge - left) }

    func y(_ speedup: Double) -> Double { floor - share(speedup) * (floor - top) }

    /// The number at a share of the way from one to another, as the axis goes.
    func between(_ first: Double, _ last: Double, _ share: Double) -> Double {
        isDoubling ? first * pow(last / first, share) : first + (last - first) * share
    }

    private func share(_ value: Double) -> Double {
        let value = min(max(value, low), limit)
        return isDoubling ? log(value / low) / log(limit / low) : value / limit
    }
}

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

    /// Writes a text where it belongs, whatever is there.
    mutating func add(
        _ text: String, x: Double, y: Double, _ style: String = "", anchor: Anchor = .start
    ) {
        taken.append(Self.box(text, x, y, anchor))
        let kind = style.isEmpty ? "" : " class=\"\(style)\""
        lines.append(
            "<text\(kind) x=\"\(Format.decimal(x, places: 1))\" y=\"\(Format.decimal(y, places: 1))\" text-anchor=\"\(anchor.rawValue)\">\(Self.escaped(text))</text>"
        )
    }

    /// Has no text cover a mark.
    mutating func keepFree(around x: Double, _ y: Double, radius: Double) {
        taken.append(Box(left: x - radius, top: y - radius, right: x + radius, bottom: y + radius))
    }

    /// Writes a text beside a mark on the side that is free; nothing if none is.
    mutating func addIfFree(
        _ text: String, _ style: String, near x: Double, _ y: Double, radius: Double,
        within frame: ChartFrame
    ) {
        let gap = radius + 4
        let places: [(Double, Double, Anchor)] = [
            (x - gap, y - gap, .end), (x, y - gap - 4, .middle), (x + gap, y + gap + 8, .start),
            (x, y + gap + 12, .middle), (x + gap, y - gap, .start),
        ]
        for (x, y, anchor) in places {
            let box = Self.box(text, x, y, anchor)
            guard box.left >= frame.left, box.bottom <= frame.floor,
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

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            default: result.append(character)
            }
        }
        return result
    }
}
