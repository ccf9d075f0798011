import Decoding
import Display
import Study

/// A shape that marks a value.
enum ChartMarker {
    case circle
    case square
    case diamond
    case triangleUp
    case triangleDown
    case cross

    /// The shape around a place, filled or as an outline.
    func drawn(_ x: Double, _ y: Double, isOpen: Bool = false, size: Double = 3.6) -> String {
        let style = isOpen ? "open" : "mark"
        let number = { Format.decimal($0, places: 1) }
        let points: [(Double, Double)]
        switch self {
        case .circle:
            return
                "<circle class=\"\(style)\" cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"\(number(size))\"/>"
        case .cross:
            let arm = size * 0.85
            let (left, right) = (number(x - arm), number(x + arm))
            let (top, bottom) = (number(y - arm), number(y + arm))
            return
                "<path class=\"curve\" d=\"M\(left) \(top)L\(right) \(bottom)M\(left) \(bottom)L\(right) \(top)\"/>"
        case .square: points = [(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)]
        case .diamond: points = [(0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)]
        case .triangleUp: points = [(0, -1.2), (1.15, 0.9), (-1.15, 0.9)]
        case .triangleDown: points = [(0, 1.2), (1.15, -0.9), (-1.15, -0.9)]
        }
        let path = points.map { "\(number(x + $0.0 * size)),\(number(y + $0.1 * size))" }
        return "<polygon class=\"\(style)\" points=\"\(path.joined(separator: " "))\"/>"
    }
}

/// What a scheme looks like in every chart: a colour, a shape and a stroke, so that each alone
/// tells it from the others.
struct ChartSeries {
    /// Of the page's colours, `k0` to `k7`.
    let colour: Int
    let marker: ChartMarker
    var isOpen = false
    var dashes = ""
    /// The schemes that the post compares.
    var isBold = false

    init(_ colour: Int, _ marker: ChartMarker) {
        self.colour = colour
        self.marker = marker
    }

    init(scheme: Scheme) {
        switch scheme {
        case .oneVsAll:
            self.init(0, .circle)
            (isOpen, dashes, isBold) = (true, "6 4", true)
        case .oneVsAllEqualSteps:
            self.init(1, .square)
            (isOpen, dashes) = (true, "2 3")
        case .oneVsAllRefit:
            self.init(2, .diamond)
            (isOpen, dashes) = (true, "8 3 2 3")
        case .softVote:
            self.init(3, .circle)
            isBold = true
        case .hardVote: self.init(4, .triangleUp)
        case .pairwiseCoupling: self.init(5, .square)
        case .eliminationGraph: self.init(6, .cross)
        case .treeElimination:
            self.init(7, .triangleDown)
            isBold = true
        case .shortlist:
            self.init(5, .diamond)
            dashes = "2 3"
        case .oneVsRest:
            self.init(0, .triangleUp)
            dashes = "8 3 2 3"
        }
    }

    /// The class of what is drawn in the scheme's colour.
    var style: String { "k\(colour)" + (isBold ? " bold" : "") }

    /// The sign beside its name in a legend, with its stroke through it.
    func key(hasStroke: Bool = true) -> String {
        let pattern = dashes.isEmpty ? "" : " stroke-dasharray=\"\(dashes)\""
        let stroke =
            hasStroke
            ? "<line class=\"curve\"\(pattern) x1=\"1\" y1=\"7\" x2=\"29\" y2=\"7\"/>" : ""
        return ChartLegend.sign(style, stroke + marker.drawn(15, 7, isOpen: isOpen, size: 4))
    }
}

/// The names of what is drawn, outside the charts, so that they can cover nothing.
enum ChartLegend {
    /// A list of signs and names; the signs are markup, the names are not.
    static func rendered(_ items: [(key: String, name: String)]) -> String {
        guard !items.isEmpty else { return "" }
        let lines = items.map { "<li>\($0.key)\(Markup.escaped($0.name))</li>" }
        return "<ul class=\"legend\">\(lines.joined())</ul>\n"
    }

    /// A short bar of a colour, `k0` to `k7`, with what it means.
    static func bar(_ colour: Int, _ name: String) -> (key: String, name: String) {
        let bar = "<line class=\"postmark\" x1=\"6\" y1=\"7\" x2=\"24\" y2=\"7\"/>"
        return (sign("k\(colour)", bar), name)
    }

    /// A picture the size of a legend's sign.
    fileprivate static func sign(_ style: String, _ marks: String) -> String {
        "<svg class=\"\(style)\" width=\"30\" height=\"14\" viewBox=\"0 0 30 14\" aria-hidden=\"true\">\(marks)</svg>"
    }

    /// The schemes of all charts of a section, each once.
    static func schemes(
        _ schemes: [Scheme], others: [(key: String, name: String)] = []
    ) -> String {
        rendered(
            Scheme.allCases.filter(schemes.contains).map {
                (ChartSeries(scheme: $0).key(), $0.title)
            } + others)
    }
}
