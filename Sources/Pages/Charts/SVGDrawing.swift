import Display

/// What pictures are drawn with: elements of SVG as text, coordinates to a tenth of a pixel.
protocol SVGDrawing {}

extension SVGDrawing {
    func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String
    ) -> String {
        "<line class=\"\(style)\" x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\"/>"
    }

    func text(
        _ x: Double, _ y: Double, _ content: String, _ style: String = "", anchor: String = "start"
    ) -> String {
        let kind = style.isEmpty ? "" : " class=\"\(style)\""
        return
            "<text\(kind) x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\">\(content)</text>"
    }

    func number(_ value: Double) -> String { Format.decimal(value, places: 1) }

    func escaped(_ text: String) -> String { Markup.escaped(text) }
}
