package import Study

/// A study as one page of HTML: no network, no script, light and dark.
package enum StudyPage {
    /// A part of the page under a heading of its own.
    struct Section {
        let id: String
        let title: String
        let content: String
    }

    /// The whole file; every text of the report is escaped.
    package static func rendered(_ report: StudyReport) -> String {
        let sections = sections(report)
        let title = "All-vs-all and tree elimination against one-vs-all"
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <title>\(title): \(Markup.escaped(subtitle(report)))</title>
            <style>
            \(style)
            </style>
            </head>
            <body>
            <header>
            <h1>\(title)</h1>
            <p class="quiet">\(Markup.escaped(subtitle(report)))</p>
            </header>
            \(contents(sections))
            <main>
            \(sections.map(rendered).joined())</main>
            </body>
            </html>

            """
    }

    private static func sections(_ report: StudyReport) -> [Section] {
        let outlines = report.datasets.map(StudyOutline.init)
        let isImbalanced =
            report.settings.map { $0.imbalance > 1 || $0.balance != .none } ?? false
        let post = PostSection(outlines: outlines, settings: report.settings)
        let sections = [
            Section(
                id: "answer", title: "The answer",
                content: AnswerSection(report: report, outlines: outlines).rendered()),
            Section(id: "post", title: post.title, content: post.rendered()),
            Section(
                id: "accuracy", title: "Accuracy against data",
                content: AccuracySection(
                    outlines: outlines,
                    isThePosts: report.settings?.isThePosts == true
                ).rendered()),
            Section(
                id: "gains", title: "Gain over each control",
                content: GainSection(outlines: outlines, comparisonCount: report.comparisonCount)
                    .rendered()),
            Section(
                id: "why", title: "Why little data differs",
                content: ReasonSection(outlines: outlines, isImbalanced: isImbalanced).rendered()),
            report.settings.flatMap { settings in
                guard isImbalanced else { return nil }
                return Section(
                    id: "imbalance", title: "Unequal classes",
                    content: ImbalanceSection(outlines: outlines, settings: settings).rendered())
            },
            report.settings.map { settings in
                Section(
                    id: "updates", title: "Updates against accuracy",
                    content: UpdatesSection(outlines: outlines, settings: settings).rendered())
            },
            Section(
                id: "confusion", title: "What is confused with what",
                content: ConfusionSection(outlines: outlines).rendered()),
            Section(
                id: "calibration", title: "Calibration",
                content: CalibrationSection(outlines: outlines).rendered()),
            Section(
                id: "frontier", title: "Dropping more than one class",
                content: FrontierSection(outlines: outlines).rendered()),
            Section(
                id: "time", title: "Where the time went",
                content: TimeSection(spans: report.timeline).rendered()),
            Section(
                id: "origin", title: "How to make it again",
                content: OriginSection(report: report, outlines: outlines).rendered()),
        ]
        return sections.compactMap { $0 }
    }

    private static func contents(_ sections: [Section]) -> String {
        let items = sections.map { "<li><a href=\"#\($0.id)\">\($0.title)</a></li>" }
        return "<nav aria-label=\"Sections\"><ol>\(items.joined())</ol></nav>"
    }

    private static func rendered(_ section: Section) -> String {
        """
        <section id="\(section.id)" aria-labelledby="\(section.id)-title">
        <h2 id="\(section.id)-title">\(section.title)</h2>
        \(section.content)</section>

        """
    }

    private static func subtitle(_ report: StudyReport) -> String {
        let names = report.datasets.map { StudyNames.dataset($0.name) }
        let what = names.isEmpty ? "no data set" : StudyNames.list(names)
        let changes = report.settings.map { $0.differences(from: StudySettings(scope: $0.scope)) }
        let others = (changes ?? []).map { ", \($0)" }.joined()
        return "\(what), protocol “\(report.protocolName)”\(others)"
    }
}
