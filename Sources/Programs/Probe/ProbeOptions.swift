import FeatureSource
import Foundation
package import Probe
import System

/// Every option of `coordinator probe`, as given.
package struct ProbeOptions: Sendable {
    /// The values of C, as 1e-6..1e5:45 or 0.1,1,10.
    package var cValues = defaultCValues
    /// Schemes, as one-vs-all,all-vs-all.
    package var schemes = "one-vs-all"
    /// What the best penalty is known by.
    package var criterion = ProbeCriterion.accuracy
    /// Folds of the training rows, in the place of validation rows; 2 to 254.
    package var folds: Int?
    /// The relative gap of the objective that certifies a head.
    package var gap = 1e-6
    /// The options shared with a run: data, workers, endpoint, keys and output.
    package var run: RunOptions
    /// The command line, for the results.
    package var command = ""

    /// 45 values from 1e-6 to 1e5, as linear probes of image backbones are published with.
    package static let defaultCValues = "1e-6..1e5:45"
    /// The share of the training rows that is held out where nothing else says how to choose.
    package static let defaultHoldout = 0.1
    private static let cValueCountMax = 1_000

    /// The defaults, with these options of a run.
    package init(run: RunOptions) {
        self.run = run
    }

    /// What to hold out, in force.
    var dataOptions: RunOptions {
        var options = run
        if options.userData?.val == nil, options.holdout == nil, folds == nil {
            options.holdout = Self.defaultHoldout
        }
        return options
    }

    /// The values of C, ascending.
    ///
    /// - Throws: `usage` for what is no list or range, and values that are not above 0.
    func parsedCValues() throws(RunError) -> [Double] {
        if let range = cValues.wholeMatch(of: /([^.,:]+(?:\.[0-9][^.,:]*)?)\.\.([^:,]+):(\d+)/) {
            guard let low = Double(String(range.1)), let high = Double(String(range.2)),
                let count = Int(range.3), low > 0, high > low, high.isFinite,
                (2...Self.cValueCountMax).contains(count)
            else { throw refusal }
            let step = (log10(high) - log10(low)) / Double(count - 1)
            return (0..<count).map {
                $0 == 0 ? low : $0 == count - 1 ? high : pow(10, log10(low) + Double($0) * step)
            }
        }
        var values: [Double] = []
        for part in cValues.split(separator: ",", omittingEmptySubsequences: false) {
            guard let value = Double(String(part.trimmingPrefix(" "))), value > 0, value.isFinite
            else {
                throw refusal
            }
            guard !values.contains(value) else { throw .usage("--C has \(part) twice") }
            values.append(value)
        }
        guard values.count <= Self.cValueCountMax else { throw refusal }
        return values.sorted()
    }

    private var refusal: RunError {
        .usage(
            "--C cannot take '\(cValues)'; it takes values above 0 with commas between them, as 0.1,1,10, or a range and how many values it has, as \(Self.defaultCValues)"
        )
    }

    /// Whose heads to train, in the order given.
    ///
    /// - Throws: `usage` for an unknown scheme, or one given twice.
    func families() throws(RunError) -> [ProbeFamily] {
        var families: [ProbeFamily] = []
        for part in schemes.split(separator: ",", omittingEmptySubsequences: false) {
            let name = String(part.trimmingPrefix(" ")).replacing("-", with: "_")
            guard let family = ProbeFamily(rawValue: name) else {
                let known = ProbeFamily.allCases.map {
                    $0.rawValue.replacing("_", with: "-")
                }.joined(separator: ", ")
                throw .usage(
                    "--schemes cannot take '\(part)'; it takes \(known), with commas between them")
            }
            guard !families.contains(family) else { throw .usage("--schemes has \(part) twice") }
            families.append(family)
        }
        return families
    }

    /// Checks what the options say of each other.
    ///
    /// - Throws: `usage` with one sentence for what cannot run.
    func check() throws(RunError) {
        guard run.userData != nil else {
            throw .usage(
                "probe works on features of any backbone: give them as --train (those of a data set are what coordinator run --save-features writes)"
            )
        }
        guard (2...254).contains(folds ?? 2) else {
            throw .usage("--folds must be 2 to 254, not \(folds ?? 0)")
        }
        if folds != nil, run.userData?.val != nil || run.holdout != nil {
            throw .usage(
                "--folds chooses by folds of the training rows, and \(run.holdout == nil ? "--val" : "--holdout") gives rows to choose by; give one of them"
            )
        }
        guard gap > 0, gap < 1 else {
            throw .usage("--gap must be above 0 and below 1, not \(gap)")
        }
        _ = try parsedCValues()
        _ = try families()
    }
}
