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
        "<text transform=\"translate(14 \(number(y))) rotate(-90)\" text-anchor=\"middle\">\(content)</text>"
    }

    /// A file of its own, light and dark; rules are those of the picture beside the common ones.
    ///
    /// It is as wide as its place, up to twice its own width, with letters of one size.
    func document(
        height: Double, rules: String, darkRules: String, _ elements: [String]
    ) -> String {
        let (width, widest) = (Int(SVGDocument.width), 2 * Int(SVGDocument.width))
        let letters = ChartLetters.rules(
            for: "svg", width: SVGDocument.width, widest: Double(widest), query: "@media")
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(number(height))" width="100%" style="display: block; margin: 0 auto; max-width: \(widest)px; height: auto" font-family="sans-serif">
            <style>
            :root { color-scheme: light dark }
            \(letters).ground { fill: #fff } text { fill: #222 } .quiet { fill: #666 }
            .title { font-size: 1.2em; font-weight: bold }
            .axis { stroke: #888 } .grid { stroke: #e4e4e4 }
            .ideal { stroke: #888; stroke-dasharray: 6 4; fill: none }
            \(rules)
            @media (prefers-color-scheme: dark) {
            .ground { fill: #16181c } text { fill: #e6e6e6 } .quiet { fill: #a0a0a0 }
            .grid { stroke: #2c2f36 } \(darkRules)
            }
            </style>
            <rect class="ground" width="\(width)" height="\(number(height))"/>
            \(elements.joined(separator: "\n"))
            </svg>

            """
    }

    /// The title and lines of text below it, folded; returns where the next line would stand.
    func heading(_ title: String, _ subtitle: String, in texts: inout ChartTexts) -> Double {
        texts.add(title, x: SVGDocument.margin, y: 24, "title")
        var y = 44.0
        for line in Format.wrapped(subtitle, width: SVGDocument.lineLength) {
            texts.add(line, x: SVGDocument.margin, y: y, "quiet")
            y += ChartTexts.lineHeight
        }
        return y
    }

    /// Signs and names in columns below a picture; returns their lower end.
    func legend(
        _ items: [(sign: String, name: String)], from top: Double, in texts: inout ChartTexts,
        columns: Int = 2
    ) -> (elements: [String], bottom: Double) {
        let column = (SVGDocument.width - 2 * SVGDocument.margin) / Double(columns)
        var elements: [String] = []
        for (index, item) in items.enumerated() {
            let x = SVGDocument.margin + Double(index % columns) * column
            let y = top + Double(index / columns) * 19
            elements.append(
                "<g transform=\"translate(\(number(x)) \(number(y)))\">\(item.sign)</g>")
            texts.add(item.name, x: x + 36, y: y + 4)
        }
        return (elements, top + Double((items.count + columns - 1) / columns) * 19)
    }

    func number(_ value: Double) -> String { Format.decimal(value, places: 1) }

    func escaped(_ text: String) -> String { Markup.escaped(text) }
}

/// A picture in a file of its own.
enum SVGDocument {
    /// As wide as a phone, for which its letters are drawn.
    static let width = 480.0
    static let margin = 12.0
    /// Letters of a line of text.
    static let lineLength = 62
}
