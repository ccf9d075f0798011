import Decoding
import Display
import Study

/// The answer in one paragraph, made of the numbers: what the post said, what was measured, where
/// they differ; below it what each kind of heads says at the smallest share, and what is missing.
///
/// A word like "gains" stands only where the study's corrected tests support it.
struct AnswerSection {
    let report: StudyReport
    let outlines: [StudyOutline]

    func rendered() -> String {
        var text = "<p class=\"lead\">\(sentences.joined(separator: " "))</p>\n"
        text += "<div class=\"row\">\n\(outlines.map(table).joined())</div>\n"
        if !report.missing.isEmpty {
            let items = report.missing.map { "<li>\(Markup.escaped($0))</li>" }
            text +=
                "<h3>Not run</h3>\n<ul class=\"plain\">\(items.joined(separator: "\n"))</ul>\n"
        }
        return text
    }

    // MARK: - The paragraph

    private var sentences: [String] {
        var sentences = [
            """
            The post reports that all-vs-all and tree elimination beat one-vs-all where data is \
            scarce (on 1% of the rows \(Self.post("mnist")), \(Self.post("cifar10"))) and that \
            nothing is left of it on all rows.
            """
        ]
        let small = outlines.findings { $0.fractions.first }
        guard !small.claims.isEmpty else {
            return sentences + ["Nothing was measured here to compare with it."]
        }
        sentences += [measured, replicated]
        guard small.counts.tested > 0 else { return sentences + [untested(small.claims)] + levels }
        sentences.append(smallest(small))
        sentences += places(small.claims)
        if small.counts.gains > 0 { sentences.append(controls(small)) }
        sentences += largest + levels
        if !report.missing.isEmpty {
            sentences.append(
                "Not everything was run: \(Format.count(report.missing.count, "gap")), named below."
            )
        }
        return sentences
    }

    /// `.92 and .92 against .85 on MNIST`: what the post has for 1% of the rows.
    private static func post(_ dataset: String) -> String {
        let means = [Scheme.softVote, .treeElimination, .oneVsAll].map { scheme in
            let entry = PostNumbers.entry(dataset: dataset, fraction: 0.01, scheme: scheme)
            return String(Format.decimal(entry?.mean ?? .nan, places: 2).dropFirst())
        }
        return "\(means[0]) and \(means[1]) against \(means[2]) on \(StudyNames.dataset(dataset))"
    }

    private var measured: String {
        let names = outlines.map { Markup.escaped($0.title) }
        let counts = outlines.flatMap(\.dataset.cells).map(\.accuracies.count).filter { $0 > 0 }
        let trials = StudyNames.trials((counts.min() ?? 0)...(counts.max() ?? 0))
        let what =
            switch report.settings?.keepsScope == false ? "" : report.protocolName {
            case "post": " on what the post's code keeps (the first five classes, every tenth row)"
            case "full": " on all classes and rows"
            default: ""
            }
        return
            "Measured here on \(StudyNames.list(names))\(what), \(trials) of each cell, every trial with a subsample, an initialisation and an order of its own."
    }

    /// What the trials say of the post's gains, if they are about the post's job.
    private var replicated: String {
        guard let found = PostReplication(report.settings, outlines) else {
            guard let settings = report.settings else {
                return "Whether this is the post's job is not known, so it is no test of the post."
            }
            let what = StudyNames.list(settings.differences(from: .post))
            return
                "This is not the post's job (\(Markup.escaped(what))), so it is no test of the post."
        }
        let count = found.repeated
        guard count > 0 else { return "None of the post's gains was tested again." }
        var parts = [
            "\(found.found == 0 ? "none is" : found.found == 1 ? "1 is" : "\(found.found) are") shown here too"
        ]
        if found.smaller > 0 {
            parts.append(
                "\(found.smaller) \(found.smaller == 1 ? "has a 95% interval that ends" : "have 95% intervals that end") below the post's gain"
            )
        }
        let rest = count - found.found - found.smaller
        if rest > 0 { parts.append("for \(rest) the trials cannot tell") }
        return
            "Of the post's gains of more than a point, \(count) were tested again with what the post trained: \(StudyNames.list(parts))."
    }

    private func untested(_ claims: [StudyClaim]) -> String {
        let gains = claims.map(\.overOneVsAll.meanDifference)
        let (least, most) = (gains.min() ?? 0, gains.max() ?? 0)
        return
            "With one trial nothing can be tested: on the smallest share of the rows the two schemes end between \(StudyFormat.points(least)) and \(StudyFormat.points(most)) points from one-vs-all, and chance may have made all of it."
    }

    /// The shares that the claims are about, in words.
    private func shares(_ findings: StudyFindings) -> String {
        StudyNames.list(
            StudyNames.unique(findings.claims.map { StudyNames.fraction($0.fraction) }))
    }

    private func smallest(_ findings: StudyFindings) -> String {
        let counts = findings.counts
        let noun = Format.count(counts.tested, "combination")
        let start =
            "On the smallest share of the rows (\(shares(findings))) \(Markup.escaped(findings.sizes)). Of \(noun) of data set, kind of heads and scheme, <strong>\(counts.words)</strong> (paired t tests, for the margin two one-sided ones; 5% after Holm's correction over the whole study)."
        let count = report.comparisonCount
        let reach =
            counts.open > 0
            ? StudyReach(findings.claims.map(\.overOneVsAll), of: count)?.words(of: count) : nil
        return ([start] + [hints(counts), reach].compactMap { $0 }).joined(separator: " ")
    }

    private func hints(_ counts: VerdictCounts) -> String? {
        guard counts.hints > 0 else { return nil }
        let them = counts.hints == 1 ? "has a 95% interval" : "have 95% intervals"
        return
            "\(counts.hints) of the latter \(them) without zero, which does not stand after the correction."
    }

    /// Where the gains and where the losses are, by arm.
    private func places(_ claims: [StudyClaim]) -> [String] {
        [(StudyVerdict.gain, "The gains are with"), (.loss, "The losses are with")].compactMap {
            verdict, opening in
            let found = claims.filter { $0.verdict == verdict }
            guard
                let largest = found.max(by: {
                    $0.overOneVsAll.meanDifference.magnitude
                        < $1.overOneVsAll.meanDifference.magnitude
                })
            else { return nil }
            let parts = StudyNames.unique(found.map(\.arm)).map { arm in
                let datasets = StudyNames.unique(
                    found.filter { $0.arm == arm }.map { StudyNames.dataset($0.dataset) })
                return "\(StudyNames.armInWords(arm)) (\(StudyNames.list(datasets)))"
            }
            let gain = largest.overOneVsAll
            return
                "\(opening) \(Markup.escaped(StudyNames.list(parts))); the largest is \(StudyFormat.points(gain.meanDifference)) points (95% interval \(StudyFormat.interval(gain.interval))), \(Markup.escaped(StudyClaim.names([largest])))."
        }
    }

    private func controls(_ findings: StudyFindings) -> String {
        let gains = findings.controlledGainCount
        guard gains > 0 else {
            return
                "Whether the gains come from the schemes or from more training is not known: the controls were not run."
        }
        let both = findings.lastingGains.count
        let start =
            "Of \(gains == 1 ? "the one gain" : "\(gains) gains") that can be compared with both controls (one-vs-all trained for as many steps as the heads, and one head over all classes trained like every other), "
        switch both {
        case 0:
            return start
                + "<strong>none is shown to outlast them</strong>: no gain is shown to come from voting or elimination rather than from further training."
        case gains:
            return start
                + "<strong>\(both == 1 ? "it outlasts" : "all outlast") both</strong>: further training alone does not explain \(both == 1 ? "it" : "them")."
        default:
            let names = Markup.escaped(StudyClaim.names(findings.lastingGains))
            return start
                + "<strong>\(both == 1 ? "1 outlasts" : "\(both) outlast") both</strong>: \(names). For the others the trials do not rule out that further training is all of it."
        }
    }

    private var largest: [String] {
        let findings = outlines.findings { $0.fractions.dropFirst().last }
        let counts = findings.counts
        guard counts.tested > 0 else { return [] }
        return [
            "On the largest share (\(shares(findings))) \(Markup.escaped(findings.sizes)); of \(counts.tested), \(counts.words)."
        ]
    }

    /// One-vs-all itself, beside the post's where that is the same job and the post has the number.
    private var levels: [String] {
        let isThePosts = report.settings?.isThePosts == true
        var isApart = false
        let parts = outlines.compactMap { outline -> String? in
            guard let fraction = outline.fractions.first,
                let cell = outline.cell(fraction, .backbone, .oneVsAll)
            else { return nil }
            let own =
                "\(Format.percent(cell.meanAccuracy, places: 1)) of the test rows on \(Markup.escaped(outline.title))"
            let post = PostNumbers.entry(
                dataset: outline.dataset.name, fraction: fraction, scheme: .oneVsAll)
            guard isThePosts, let post else { return own }
            isApart = isApart || post.isOutside(cell.interval)
            return own + " (the post: \(Format.percent(post.mean, places: 0)))"
        }
        guard !parts.isEmpty else { return [] }
        return [
            (isApart ? "The starting point is not the post's: at" : "At")
                + " the smallest share one-vs-all itself predicts \(StudyNames.list(parts)) right."
        ]
    }

    // MARK: - The evidence

    private func table(_ outline: StudyOutline) -> String {
        guard let fraction = outline.fractions.first else { return "" }
        let claims = StudyClaim.all(outline, at: fraction)
        guard !claims.isEmpty else { return "" }
        let name = outline.title
        var table = HTMLTable(
            caption:
                "\(name), \(StudyNames.fraction(fraction)) of the rows: gain in percentage points",
            titles: ["heads, scheme", "over one-vs-all", "over equal steps", "over refit"],
            style: "answers")
        for (index, claim) in claims.enumerated() {
            if index == 0 || claims[index - 1].arm != claim.arm {
                table.beginGroup(claim.arm.title)
            }
            table.add([
                claim.scheme.postTitle, cell(claim.overOneVsAll),
                cell(claim.overEqualSteps), cell(claim.overRefit),
            ])
        }
        return table.rendered()
    }

    private func cell(_ comparison: StudyComparison?) -> String {
        guard let comparison else { return "<span class=\"quiet\">not run</span>" }
        return StudyFormat.points(comparison.meanDifference) + " "
            + StudyVerdict(comparison).markup
    }
}
