/// A chart being drawn: a frame with two axes, marks in it and texts that do not overlap.
struct ChartPlot: SVGDrawing {
    /// Where the marks are, in pixels.
    struct Frame {
        var left = 50.0
        var right = 388.0
        var top = 34.0
        var bottom = 268.0
    }

    /// As wide as a phone, so that texts are not made small there; on wider screens the picture
    /// grows, and ``ChartLetters`` keeps the letters as they are.
    static let width = 400.0

    let frame: Frame
    let height: Double
    private(set) var marks: [String] = []
    var texts = ChartTexts()

    /// An empty chart; `height` leaves room for what stands below the frame.
    init(frame: Frame = Frame(), height: Double = 314) {
        self.frame = frame
        self.height = height
    }

    func x(_ value: Double, _ scale: ChartScale) -> Double {
        frame.left + scale.share(value) * (frame.right - frame.left)
    }

    func y(_ value: Double, _ scale: ChartScale) -> Double {
        frame.bottom - scale.share(value) * (frame.bottom - frame.top)
    }

    // MARK: - Axes

    /// Lines across at the ticks, with their numbers, and what is measured above them.
    mutating func verticalAxis(_ scale: ChartScale, title: String, titleLeft: Double = 4) {
        for tick in scale.ticks {
            let place = y(tick, scale)
            marks.append(line(frame.left, place, frame.right, place, "grid"))
            texts.add(scale.label(tick), x: frame.left - 8, y: place + 4, "quiet", anchor: .end)
        }
        marks.append(line(frame.left, frame.top, frame.left, frame.bottom, "axis"))
        texts.add(title, x: titleLeft, y: frame.top - 20, "quiet axis-title")
    }

    /// Lines up at the ticks, with their numbers, and what is measured below them.
    mutating func horizontalAxis(_ scale: ChartScale, title: String) {
        for tick in scale.ticks {
            let place = x(tick, scale)
            marks.append(line(place, frame.top, place, frame.bottom, "grid"))
            texts.add(
                scale.label(tick), x: place, y: frame.bottom + 18, "quiet", anchor: .middle)
        }
        base(title: title)
    }

    /// Lines up at the ticks, for a frame whose numbers stand below another one.
    mutating func verticalLines(_ scale: ChartScale) {
        for tick in scale.ticks {
            let place = x(tick, scale)
            marks.append(line(place, frame.top, place, frame.bottom, "grid"))
        }
        marks.append(line(frame.left, frame.bottom, frame.right, frame.bottom, "axis"))
    }

    /// Names instead of numbers, each in the middle of a band of its own.
    mutating func horizontalAxis(_ names: [String], title: String) {
        // With very many names only some have room.
        let widest = names.map { Double($0.count) * 7.6 + 6 }.max() ?? 1
        let room = (frame.right - frame.left) / Double(max(1, names.count))
        let step = max(1, Int((widest / room).rounded(.up)))
        for (index, name) in names.enumerated() where index % step == 0 {
            texts.add(
                name, x: band(index, of: names.count), y: frame.bottom + 18, "quiet",
                anchor: .middle)
        }
        base(title: title)
    }

    /// The middle of a band.
    func band(_ index: Int, of count: Int) -> Double {
        frame.left + (frame.right - frame.left) * (Double(index) + 0.5) / Double(max(1, count))
    }

    private mutating func base(title: String) {
        marks.append(line(frame.left, frame.bottom, frame.right, frame.bottom, "axis"))
        texts.add(
            title, x: (frame.left + frame.right) / 2, y: frame.bottom + 38, "quiet axis-title",
            anchor: .middle)
    }

    // MARK: - Marks

    mutating func add(_ element: String) { marks.append(element) }

    /// Marks in the colour and weight of a style, such as `k3 bold`.
    mutating func group(_ style: String, _ draw: (inout ChartPlot) -> Void) {
        marks.append("<g class=\"\(style)\">")
        draw(&self)
        marks.append("</g>")
    }

    /// A scheme's curve and its marks.
    mutating func addCurve(
        _ points: [(x: Double, y: Double)], _ series: ChartSeries, size: Double = 3.6
    ) {
        addCurve(points, dashes: series.dashes)
        for point in points {
            marks.append(series.marker.drawn(point.x, point.y, isOpen: series.isOpen, size: size))
        }
    }

    mutating func addLine(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String
    ) {
        marks.append(line(x1, y1, x2, y2, style))
    }

    /// Writes a text beside a mark where there is room in the frame; nothing if there is none.
    mutating func addLabel(_ text: String, _ style: String = "", near x: Double, _ y: Double) {
        texts.addIfFree(
            text, style, near: x, y, radius: 5, left: frame.left + 2, right: frame.right,
            top: frame.top - 4, floor: frame.bottom - 2)
    }

    /// A line through points in the colour of its group.
    mutating func addCurve(_ points: [(x: Double, y: Double)], dashes: String = "") {
        guard points.count > 1 else { return }
        let path = points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
        let pattern = dashes.isEmpty ? "" : " stroke-dasharray=\"\(dashes)\""
        marks.append("<polyline class=\"curve\"\(pattern) points=\"\(path)\"/>")
    }

    /// An interval up and down, with short ends.
    mutating func addWhisker(x: Double, from low: Double, to high: Double, breadth: Double) {
        marks.append(line(x, low, x, high, "whisker"))
        for end in [low, high] {
            marks.append(line(x - breadth / 2, end, x + breadth / 2, end, "whisker"))
        }
    }

    /// An interval from left to right, with short ends.
    mutating func addWhisker(y: Double, from low: Double, to high: Double) {
        marks.append(line(low, y, high, y, "whisker"))
        for end in [low, high] { marks.append(line(end, y - 2.5, end, y + 2.5, "whisker")) }
    }

    mutating func addRectangle(
        left: Double, right: Double, top: Double, bottom: Double, _ attributes: String
    ) {
        marks.append(
            "<rect x=\"\(number(left))\" y=\"\(number(top))\" width=\"\(number(max(0.2, right - left)))\" height=\"\(number(max(0, bottom - top)))\" \(attributes)/>"
        )
    }

    // MARK: - The picture

    /// The element, with its name and a description; `below` shares its canvas.
    func rendered(
        id: String, title: String, description: String, width: Double = width,
        below: ChartPlot? = nil
    ) -> String {
        let parts = [self, below].compactMap { $0 }
        return """
            <svg class="chart" viewBox="0 0 \(Int(width)) \(Int(height))" role="img" aria-labelledby="\(id)-t \(id)-d">
            <title id="\(id)-t">\(escaped(title))</title><desc id="\(id)-d">\(escaped(description))</desc>
            \(parts.flatMap { $0.marks + $0.texts.lines }.joined(separator: "\n"))
            </svg>

            """
    }
}
