import Display

/// Text as elements and attributes of HTML and SVG hold it.
enum Markup {
    /// Text that is neither markup nor the end of an attribute; control characters become `?`.
    static func escaped(_ text: String) -> String {
        var result = ""
        for character in Format.printable(text) {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
        return result
    }

    /// An element around markup; attributes as they are written, values escaped by the caller.
    static func element(_ name: String, _ attributes: String = "", _ content: String) -> String {
        "<\(name)\(attributes.isEmpty ? "" : " " + attributes)>\(content)</\(name)>"
    }

    /// A heading within a section; the text is not markup.
    static func heading(_ text: String) -> String { element("h3", "", escaped(text)) + "\n" }

    /// Content that a reader unfolds; the summary is not markup.
    static func details(_ summary: String, _ content: String, isOpen: Bool = false) -> String {
        element(
            "details", isOpen ? "open=\"open\"" : "",
            element("summary", "", escaped(summary)) + "\n" + content) + "\n"
    }

    /// What a section says of a data set: text, charts, and what stands below them.
    struct ChartGroup {
        let title: String
        var before = ""
        var charts: [String]
        var after = ""
    }

    /// The charts of each data set under its name; side by side where each has only one.
    static func charts(of groups: [ChartGroup]) -> String {
        let groups = groups.map { group in
            var group = group
            group.before = heading(group.title) + group.before
            group.charts.removeAll { $0.isEmpty }
            return group
        }
        if groups.count > 1, groups.allSatisfy({ $0.charts.count == 1 }) {
            return charts(groups.flatMap(\.charts))
                + groups.map { $0.before + $0.after }.joined()
        }
        return groups.map { $0.before + charts($0.charts) + $0.after }.joined()
    }

    /// Figures side by side where there is room: as many as fill their rows best.
    private static func charts(_ figures: [String]) -> String {
        guard !figures.isEmpty else { return "" }
        let columns = figures.count == 4 ? 2 : min(3, figures.count)
        return element(
            "div", "class=\"charts\" style=\"--n:\(columns)\"", "\n" + figures.joined()) + "\n"
    }

    /// A picture under its title, which is not markup, and above a note, which is.
    static func figure(_ title: String, _ picture: String, note: String = "") -> String {
        let below = note.isEmpty ? "" : element("p", "", note)
        return element(
            "figure", "", element("figcaption", "", escaped(title)) + "\n" + picture + below)
            + "\n"
    }

    /// Sentences as a list; they are markup.
    static func list(_ sentences: [String]) -> String {
        let items = sentences.map { element("li", "", $0) + "\n" }
        return element("ul", "class=\"plain\"", "\n" + items.joined()) + "\n"
    }
}

/// A table of HTML; every cell is markup, so its writer escapes it.
struct HTMLTable {
    /// What stands above it.
    let caption: String
    /// Of the columns; empty ones are for cells that explain themselves.
    let titles: [String]
    /// Classes of the table, if any.
    let style: String
    /// How many columns from the left are titles of rows and stand at the left.
    let rowTitleCount: Int
    private var body = ""
    private var isGroupOpen = false

    init(caption: String, titles: [String], rowTitleCount: Int = 1, style: String = "") {
        self.caption = caption
        self.titles = titles
        self.style = style
        self.rowTitleCount = rowTitleCount
    }

    /// Begins rows that belong together, under a title of their own.
    mutating func beginGroup(_ title: String) {
        if isGroupOpen { body += "</tbody>\n" }
        isGroupOpen = true
        body +=
            "<tbody>\n<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"\(titles.count)\"><span>\(title)</span></th></tr>\n"
    }

    /// Adds a row, with classes of some cells by column; traps unless it has a cell per column.
    mutating func add(_ cells: [String], _ style: String = "", cellStyles: [Int: String] = [:]) {
        precondition(cells.count == titles.count)
        if !isGroupOpen { body += "<tbody>\n" }
        isGroupOpen = true
        body += style.isEmpty ? "<tr>" : "<tr class=\"\(style)\">"
        for (column, cell) in cells.enumerated() {
            let attribute = cellStyles[column].map { " class=\"\($0)\"" } ?? ""
            body +=
                column < rowTitleCount
                ? "<th scope=\"row\" class=\"key\">\(cell)</th>" : "<td\(attribute)>\(cell)</td>"
        }
        body += "</tr>\n"
    }

    /// The table in a box of its own, which scrolls where the page is narrower.
    func rendered() -> String {
        let head = titles.enumerated().map { column, title in
            let isLeft = column < rowTitleCount || style == "words"
            let key = column < rowTitleCount ? " key" : ""
            let style = isLeft ? " class=\"left\(key)\"" : ""
            return "<th scope=\"col\"\(style)>\(title)</th>"
        }
        let classes = [style, rowTitleCount == 2 ? "two" : ""].filter { !$0.isEmpty }
            .joined(separator: " ")
        return """
            <div class="scroll" tabindex="0" role="group" aria-label="\(Markup.escaped(caption))">
            <table\(classes.isEmpty ? "" : " class=\"\(classes)\"")><caption><span>\(Markup.escaped(caption))</span></caption>
            <thead><tr>\(head.joined())</tr></thead>
            \(isGroupOpen ? body + "</tbody>" : "")
            </table></div>

            """
    }
}
