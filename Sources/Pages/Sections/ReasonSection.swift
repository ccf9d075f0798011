import Decoding
import Display
import Study

/// The post's second question, answered by the controls: a paragraph per data set whose sentences
/// are chosen by the numbers, and one over all of them.
struct ReasonSection {
    let outlines: [StudyOutline]

    /// Whether the study made the classes unequal on purpose.
    let isImbalanced: Bool

    func rendered() -> String {
        var text = "<p class=\"lead\">\(conclusion)</p>\n"
        if !isImbalanced {
            text += """
                <p>The post supposes class imbalance. Every cell here has its classes in the proportions \
                of the data set, so imbalance cannot tell the cells apart; the controls can.</p>

                """
        } else {
            text += """
                <p>The post supposes class imbalance. What unequal classes do here is in \
                <a href="#imbalance">a section of its own</a>; the sentences below are about the same \
                rows.</p>

                """
        }
        text += """
            <p><em>Equal steps</em> is one-vs-all trained on for as many steps as the heads get: the \
            heads' training without their scheme. <em>Refit</em> is one head over all classes, trained \
            like every other head: what a scheme gains on it, it gains by voting or eliminating.</p>

            """
        for outline in outlines {
            let sentences = sentences(outline)
            guard !sentences.isEmpty, let fraction = outline.fractions.first else { continue }
            text += Markup.heading("\(outline.title), \(StudyNames.rows(fraction))")
            text += Markup.list(sentences)
        }
        return text
    }

    // MARK: - A data set

    private func sentences(_ outline: StudyOutline) -> [String] {
        guard let fraction = outline.fractions.first else { return [] }
        return [
            steps(outline, fraction), refit(outline, fraction),
            scheme(.softVote, outline, fraction), scheme(.treeElimination, outline, fraction),
            arms(outline, fraction), trend(outline),
        ].compactMap { $0 }
    }

    /// What further steps alone do.
    private func steps(_ outline: StudyOutline, _ fraction: Double) -> String? {
        guard
            let comparison = outline.comparison(
                fraction, .backbone, .oneVsAllEqualSteps, over: .oneVsAll)
        else { return nil }
        let gain = inPoints(comparison)
        let subject = "Training one-vs-all for as many further steps as the heads get"
        return switch StudyVerdict(comparison) {
        case .gain: "\(subject) gains \(gain) by itself: it was not trained to its end."
        case .loss: "\(subject) makes it worse, by \(gain)."
        case .hintOfGain, .hintOfLoss:
            "\(subject) changes it by \(gain), which does not stand after the correction."
        case .withinMargin:
            "\(subject) changes it by \(gain): shown to be less than \(StudyVerdict.marginWords)."
        case .undecided:
            "\(subject) changes it by \(gain): the trials cannot tell whether that is chance."
        case .untested: "\(subject) changes it by \(gain), in one trial."
        }
    }

    private func refit(_ outline: StudyOutline, _ fraction: Double) -> String? {
        let found = outline.arms.compactMap { arm in
            outline.comparison(fraction, arm, .oneVsAllRefit, over: .oneVsAll).map { (arm, $0) }
        }
        return found.isEmpty
            ? nil
            : "Against one-vs-all the one head over all classes has " + outcomes(found) + "."
    }

    private func scheme(
        _ scheme: Scheme, _ outline: StudyOutline, _ fraction: Double
    ) -> String? {
        let found = outline.arms.compactMap { arm in
            outline.comparison(fraction, arm, scheme, over: .oneVsAllRefit).map { (arm, $0) }
        }
        guard !found.isEmpty else { return nil }
        return "Against that head \(scheme.postTitle) has " + outcomes(found) + "."
    }

    /// `−46.57 points with heads on frozen features (looks worse) and …`, escaped.
    private func outcomes(_ found: [(arm: CellArm, comparison: StudyComparison)]) -> String {
        let parts = found.map { arm, comparison in
            "\(StudyFormat.points(comparison.meanDifference)) points with \(StudyNames.armInWords(arm)) (\(StudyVerdict(comparison).words))"
        }
        return Markup.escaped(StudyNames.list(parts))
    }

    private func inPoints(_ comparison: StudyComparison) -> String {
        let gain = StudyFormat.points(comparison.meanDifference) + " points"
        guard comparison.interval != nil else { return gain }
        return gain + " (95% interval \(StudyFormat.interval(comparison.interval)))"
    }

    /// How much the training of the heads moves the vote, beside how much the choice of scheme does.
    private func arms(_ outline: StudyOutline, _ fraction: Double) -> String? {
        let votes = outline.arms.compactMap { outline.cell(fraction, $0, .softVote) }
        guard votes.count > 1,
            let least = votes.min(by: { $0.meanAccuracy < $1.meanAccuracy }),
            let most = votes.max(by: { $0.meanAccuracy < $1.meanAccuracy })
        else { return nil }
        let spreads = outline.arms.compactMap { arm -> Double? in
            let means = [Scheme.oneVsAllRefit, .softVote, .treeElimination].compactMap {
                outline.cell(fraction, arm, $0)?.meanAccuracy
            }
            guard let low = means.min(), let high = means.max(), means.count > 1 else { return nil }
            return high - low
        }
        let place = { (cell: StudyCell) in
            "\(Format.percent(cell.meanAccuracy, places: 1)) with \(StudyNames.armInWords(cell.arm))"
        }
        var text =
            "How the heads are trained moves all-vs-all from \(place(least)) to \(place(most))"
        if let low = StudyReport.ends(of: least.interval),
            let high = StudyReport.ends(of: most.interval)
        {
            text += low.upper < high.lower ? " (intervals apart)" : " (their intervals overlap)"
        }
        if let spread = spreads.max() {
            text +=
                "; one head, voting or elimination on the same heads are at most \(Format.decimal(spread * 100, places: 1)) points apart"
        }
        return Markup.escaped(text) + "."
    }

    /// What more data leaves of the largest gain or loss.
    private func trend(_ outline: StudyOutline) -> String? {
        guard let first = outline.fractions.first, let last = outline.fractions.last, first < last
        else { return nil }
        let over = { (fraction: Double, arm: CellArm) in
            outline.comparison(fraction, arm, .softVote, over: .oneVsAll)
        }
        let arm = outline.arms.filter { over(first, $0) != nil && over(last, $0) != nil }.max {
            (over(first, $0)?.meanDifference.magnitude ?? 0)
                < (over(first, $1)?.meanDifference.magnitude ?? 0)
        }
        guard let arm, let early = over(first, arm), let late = over(last, arm) else { return nil }
        return Markup.escaped(
            "With \(StudyNames.armInWords(arm)), what all-vs-all has over one-vs-all goes from \(StudyFormat.points(early.meanDifference)) points on \(StudyNames.fraction(first)) of the rows to \(StudyFormat.points(late.meanDifference)) on \(StudyNames.fraction(last))."
        )
    }

    // MARK: - Over all

    private var conclusion: String {
        let findings = outlines.findings { $0.fractions.first }
        let steps = outlines.compactMap { outline in
            outline.fractions.first.flatMap {
                outline.comparison(
                    $0, .backbone, .oneVsAllEqualSteps, over: .oneVsAll)
            }
        }
        let moreSteps = VerdictCounts(steps.map { StudyVerdict($0) })
        guard findings.counts.tested > 0 else {
            return "Nothing here was tested often enough to say why."
        }
        let training =
            moreSteps.gains > 0
            ? " Further steps alone gain on \(moreSteps.gains) of \(Format.count(moreSteps.tested, "data set")): there one-vs-all was not trained to its end."
            : ""
        return outcome(findings) + training + underTrained(findings)
    }

    private func outcome(_ findings: StudyFindings) -> String {
        let (gains, lasting) = (findings.controlledGainCount, findings.lastingGains.count)
        if findings.counts.gains == 0 {
            let open = findings.counts.open
            return "No gain is shown that needs an explanation"
                + (open > 0
                    ? "; for \(open) of \(Format.count(findings.counts.tested, "combination")) the trials cannot tell."
                    : ".")
        }
        if gains == 0 { return "The controls that could explain the gains were not run." }
        if lasting == 0 {
            return
                "No gain is shown to outlast both controls: the trials do not show that voting or elimination is what helps."
        }
        let rest =
            lasting < gains
            ? " For the others the trials do not rule out that training is all of it." : ""
        return
            "\(lasting) of \(Format.count(gains, "gain")) outlast both controls; there deciding by pairs or by elimination adds something that training alone does not."
            + rest
    }

    /// Whether heads lose on the same features on which converged heads do not.
    private func underTrained(_ findings: StudyFindings) -> String {
        let (count, cured) = findings.lossesOfTraining
        guard cured > 0 else { return "" }
        return
            " Of \(Format.count(count, "loss", plural: "losses")) with heads on frozen features, \(cured) \(cured == 1 ? "is" : "are") shown to be gone when the heads on the same features are converged: it is their training that loses, not their features or the scheme."
    }
}
