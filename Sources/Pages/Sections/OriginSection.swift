import Display
import Study

/// What makes the study again and shows that it is the same: the command, the versions, the hashes
/// of the data and of what was trained.
struct OriginSection {
    let report: StudyReport
    let outlines: [StudyOutline]

    func rendered() -> String {
        let known = report.computingCommands
        let computing = known.isEmpty ? [report.command] : known
        var text = commands(
            computing, "The exact command\(computing.count == 1 ? "" : "s, in turn"):")
        if !computing.contains(report.command) {
            text += commands([report.command], "This page was written by:")
        }
        var data = HTMLTable(
            caption: "The data",
            titles: ["data set", "training rows", "test rows", "classes", "SHA-256 of the rows"])
        for outline in outlines {
            let dataset = outline.dataset
            data.add([
                Markup.escaped(outline.title),
                Format.count(dataset.trainRowCount), Format.count(dataset.testRowCount),
                Format.count(dataset.classNames.count), code(dataset.sha256),
            ])
        }
        if !outlines.isEmpty { text += data.rendered() }
        if !report.versions.isEmpty {
            var versions = HTMLTable(
                caption: "Versions", titles: ["what", "version"], style: "words")
            for name in report.versions.keys.sorted() {
                // Workers may be of another kind; each trial's backbone says whether it matters.
                let what = name == "cpu" ? "processor of the coordinator" : name
                versions.add([Markup.escaped(what), Markup.escaped(report.versions[name] ?? "")])
            }
            text += versions.rendered()
        }
        for outline in outlines { text += digests(outline) }
        return text
    }

    /// Of what was trained, a line per trial; nothing where none is known.
    private func digests(_ outline: StudyOutline) -> String {
        var table = HTMLTable(
            caption: "\(outline.title): SHA-256 of what was trained",
            titles: ["heads", "trial", "SHA-256"], rowTitleCount: 2, style: "words")
        var count = 0
        for fraction in outline.fractions {
            table.beginGroup(StudyNames.rows(fraction))
            for arm in outline.allArms {
                let cells = outline.schemes.lazy.compactMap { outline.ownCell(fraction, arm, $0) }
                guard let cell = cells.first(where: { !$0.headDigests.isEmpty }) else { continue }
                for (trial, digest) in cell.headDigests.enumerated() {
                    table.add([
                        arm.title,
                        "\(StudyReport.trialNumber(trial, in: cell))", code(digest),
                    ])
                    count += 1
                }
            }
        }
        guard count > 0 else { return "" }
        return Markup.details(
            "\(outline.title): \(Format.count(count, "digest")) of what was trained",
            table.rendered())
    }

    private func commands(_ lines: [String], _ title: String) -> String {
        "<p>\(title)</p>\n<pre>\(lines.map(Markup.escaped).joined(separator: "\n"))</pre>\n"
    }

    private func code(_ text: String) -> String { "<code>\(Markup.escaped(text))</code>" }
}
