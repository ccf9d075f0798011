import Decoding
import Display
import Numerics
import Probe

/// What a reader of a probe's figures must know, in sentences.
struct ProbeSentences {
    private let report: ProbeReport

    init(_ report: ProbeReport) { self.report = report }

    private func points(_ scheme: Scheme) -> [ProbeReport.Point] { report.path[scheme] ?? [] }

    private func name(_ c: Double, _ scheme: Scheme) -> String {
        ProbeNumbers.name(ofC: c, among: points(scheme).map(\.c))
    }

    // MARK: - Around a path

    /// Above a path's table: what its figures are of.
    func heading(_ scheme: Scheme) -> String {
        let data = report.data
        let way =
            data.folds.map {
                "\(data.trainRows.counted("training row")) in \($0.counted("fold")), each predicted by heads that have not seen it"
            }
            ?? "\((data.validationRows ?? 0).counted("held-out row")), heads trained on \(data.trainRows.grouped) others"
        return "\(scheme.probeTitle): \(way)"
    }

    /// Below it: which C was chosen, and what is to be said of that.
    func choice(_ scheme: Scheme) -> [String] {
        guard let choice = report.choice[scheme] else { return [] }
        let points = points(scheme)
        var sentences: [String] = []
        if let c = choice.c {
            sentences.append(
                points.count == 1
                    ? "* the only C tried"
                    : "* the best C by \(words(choice.criterion)): \(ProbeNumbers.exact(c))\(ties(choice, points))"
            )
        } else {
            let held = choice.heldOut.map {
                "; together they predict \(Format.percent($0.accuracy)) of the held-out rows, NLL \(Format.decimal($0.nll, places: 4))"
            }
            sentences.append(
                "each head has the best C for itself by \(words(choice.criterion))\(held ?? "")")
        }
        return sentences + [edge(choice, points), early(scheme)].compactMap(\.self)
    }

    private func words(_ criterion: ProbeCriterion) -> String {
        criterion == .nll ? "NLL" : criterion.rawValue
    }

    /// Values that are as good as the chosen one.
    private func ties(_ choice: ProbeReport.Choice, _ points: [ProbeReport.Point]) -> String {
        guard let best = choice.heldOut else { return "" }
        let count = points.count { point in
            point.scores.map { !choice.criterion.prefers(best, to: $0) } ?? false
        }
        return count > 1 ? ", the smallest of \(count.grouped) that are equally good" : ""
    }

    private func edge(
        _ choice: ProbeReport.Choice, _ points: [ProbeReport.Point]
    ) -> String? {
        guard choice.isAtEdge else { return nil }
        if let c = choice.c {
            let isLargest = points.edge(at: c) == .largest
            return "the best C is the \(isLargest ? "largest" : "smallest") tried: widen --C"
        }
        let ends = (choice.perHead ?? []).filter { points.edge(at: $0.c) != nil }
        guard let most = ends.max(by: { $0.heads < $1.heads }) else { return nil }
        let isLargest = points.edge(at: most.c) == .largest
        let all = (choice.perHead ?? []).reduce(0) { $0 + $1.heads }
        return
            "\(most.heads.grouped) of \(all.counted("head")) have the \(isLargest ? "largest" : "smallest") C tried as their best: widen --C"
    }

    /// Where a path ended before its last value.
    private func early(_ scheme: Scheme) -> String? {
        let points = points(scheme)
        let skipped = points.filter(\.isSkipped)
        guard let first = skipped.first, let reason = first.reason else { return nil }
        let after = points.last { !$0.isSkipped && $0.c < first.c }
        let place =
            after.map { " above \(name($0.c, scheme))" } ?? ""
        return
            "\(skipped.count.counted("value")) of C\(place) \(skipped.count == 1 ? "was" : "were") not tried: \(reason)"
    }

    // MARK: - Below everything

    /// What concerns several schemes, or the end of the probe.
    var notes: [String] {
        uncertified + [twoClasses, untested].compactMap(\.self) + report.notes
    }

    /// Heads that did not reach the tolerance, and what can be done.
    private var uncertified: [String] {
        let sentences = report.schemes.flatMap { scheme in
            [path(scheme), refit(scheme)].compactMap(\.self)
        }
        return sentences.isEmpty ? [] : sentences + [cures]
    }

    private func path(_ scheme: Scheme) -> String? {
        let trained = points(scheme).filter { !$0.isSkipped }
        let lacking = trained.filter { !$0.isCertified }
        guard let first = lacking.first, let last = lacking.last else { return nil }
        let place =
            first.c == last.c
            ? name(first.c, scheme) : "\(name(first.c, scheme)) to \(name(last.c, scheme))"
        var sentence =
            "\(scheme.probeTitle) at C \(place): \(lack(lacking.map { ($0.heads, $0.certified, $0.gapMax) }))"
        if lacking.contains(where: { $0.c == report.choice[scheme]?.c }) {
            sentence += "; the best C is among these"
        }
        if let below = trained.last(where: { $0.c < first.c }) {
            sentence += "; up to C \(name(below.c, scheme)) all are"
        }
        return sentence
    }

    private func refit(_ scheme: Scheme) -> String? {
        guard let refit = report.refit[scheme], refit.certified < refit.heads else { return nil }
        return
            "\(scheme.probeTitle), the heads of the model: \(lack([(refit.heads, refit.certified, refit.gapMax)]))"
    }

    /// How many heads are not certified, and by how much.
    private func lack(_ parts: [(heads: Int, certified: Int, gap: Double?)]) -> String {
        let all = parts.reduce(0) { $0 + $1.heads }
        let count = all - parts.reduce(0) { $0 + $1.certified }
        let gap =
            parts.compactMap(\.gap).max().map { "the largest gap is \(ProbeNumbers.gap($0))" }
            ?? "no bound of the least objective was found"
        return
            "\(count.grouped) of \(all.counted("head")) \(count == 1 ? "is" : "are") not certified, \(gap)"
    }

    private var cures: String {
        var cures: [String] = []
        if report.data.normalize != .standardize {
            cures.append(
                "--normalize standardize helps with features of large or unlike scales, and makes another model"
            )
        }
        cures.append("smaller values of C are easier")
        let gaps =
            report.schemes.flatMap { points($0).map(\.gapMax) + [report.refit[$0]?.gapMax] }
        if let most = gaps.compactMap(\.self).max(), most > report.gapTolerance, most < 0.01 {
            cures.append("--gap \(roundedUp(most)) accepts these heads")
        }
        return
            "a certified head's objective is above the least possible by at most \(ProbeNumbers.gap(report.gapTolerance)) of itself, its gap; \(cures.joined(separator: "; "))"
    }

    /// A power of ten that is not smaller.
    private func roundedUp(_ gap: Double) -> String {
        var power = 1.0
        while power / 10 >= gap { power /= 10 }
        return Format.significant(power, digits: 1)
    }

    private var twoClasses: String? {
        guard report.data.classes == 2, report.schemes.count > 1 else { return nil }
        return
            "of two classes every scheme trains the same head, with one vector, as scikit-learn does; for a softmax with a vector for each class the same C is half the penalty, so its C is half as large for the same probabilities"
    }

    private var untested: String? {
        guard report.test == nil else { return nil }
        guard report.schemes.contains(where: { points($0).count > 1 }) else {
            return "no test rows were given (--test)"
        }
        return
            "no test rows were given (--test): the accuracy of the best C is the highest of several on the same rows, and so is likely a little too high"
    }
}
