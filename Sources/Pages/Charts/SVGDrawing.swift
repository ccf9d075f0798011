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

    /// A title of a vertical axis, read upwards.
    func sideTitle(_ content: String, around y: Double) -> String {
        "<text transform=\"translate(22 \(number(y))) rotate(-90)\" text-anchor=\"middle\">\(content)</text>"
    }

    /// A file of its own, light and dark; rules are those of the picture beside the common ones.
    func document(
        width: Int, height: Int, rules: String, darkRules: String, _ elements: [String]
    ) -> String {
        """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" width="\(width)" height="\(height)" font-family="sans-serif" font-size="13">
        <style>
        .ground { fill: #fff } text { fill: #222 } .quiet { fill: #666 }
        .title { font-size: 16px; font-weight: bold }
        .axis { stroke: #888 } .grid { stroke: #e4e4e4 }
        .ideal { stroke: #888; stroke-dasharray: 6 4; fill: none }
        \(rules)
        @media (prefers-color-scheme: dark) {
        .ground { fill: #16181c } text { fill: #e6e6e6 } .quiet { fill: #a0a0a0 }
        .grid { stroke: #2c2f36 } \(darkRules)
        }
        </style>
        <rect class="ground" width="\(width)" height="\(height)"/>
        \(elements.joined(separator: "\n"))
        </svg>

        """
    }

    func number(_ value: Double) -> String { Format.decimal(value, places: 1) }

    func escaped(_ text: String) -> String { Markup.escaped(text) }
}
