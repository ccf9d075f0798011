import Foundation
import ImageData
package import Study
import System

/// Every option of `coordinator reproduce`, as given.
package struct ReproduceOptions: Sendable {
    /// Data sets, as mnist,cifar10.
    package var datasets = "mnist,cifar10,fashion-mnist"
    /// Shares of each class's rows, as 0.01,0.1.
    package var fractions = "0.01,0.1,0.25,0.5,1"
    /// Trials of each data set and fraction, 1 to 10,000.
    package var trials = 10
    /// How heads are trained, as frozen,derived.
    package var headModes = "frozen"
    /// What every trial shares.
    package var settings = StudySettings(scope: .post)
    /// The options shared with a run: workers, endpoint, keys, data folder and output.
    package var run: RunOptions
    /// Whether to print only what would be computed.
    package var isDryRun = false
    /// Whether to compute nothing and report the results so far.
    package var isReportOnly = false
    /// The command line, for the report.
    package var command = ""

    /// The defaults, with these workers.
    package init(run: RunOptions) {
        self.run = run
    }

    /// The data sets in the order given.
    ///
    /// - Throws: `usage` for an unknown name, or one given twice.
    func datasetNames() throws(RunError) -> [DatasetName] {
        try Self.list(datasets, "--datasets", of: DatasetName.allCases.map(\.rawValue)) { text in
            DatasetName(rawValue: text)
        }
    }

    /// The grid that is asked for.
    ///
    /// - Throws: `usage` with one sentence for what cannot run.
    func grid() throws(RunError) -> StudyGrid {
        let fractions = try Self.list(
            fractions, "--fractions", of: ["shares above 0 and at most 1, in millionths"]
        ) { text -> Int? in
            guard let share = Double(text), share > 0, share <= 1 else { return nil }
            let millionths = Int((share * 1_000_000).rounded())
            return millionths >= 1 ? millionths : nil
        }
        let arms = try Self.list(headModes, "--head-modes", of: StudyArm.allCases.map(\.rawValue)) {
            StudyArm(rawValue: $0)
        }
        guard (1...10_000).contains(trials) else {
            throw .usage("--trials must be 1 to 10,000, not \(trials)")
        }
        try checkSettings()
        return StudyGrid(
            datasets: try datasetNames().map(\.rawValue), fractionsMillionths: fractions,
            trialCount: trials, arms: arms)
    }

    private func checkSettings() throws(RunError) {
        // What a study shares with a run is checked where a run's is.
        var run = run
        run.every = settings.every
        run.epochs = settings.epochCount
        run.headEpochs = .count(settings.headEpochCount)
        run.batchSize = settings.batchSize
        run.learningRate = settings.learningRate
        run.headDropout = settings.headDropout
        try run.check()
        func require(_ isTrue: Bool, _ message: String) throws(RunError) {
            if !isTrue { throw .usage(message) }
        }
        try require(
            settings.l2.map { $0 > 0 && $0 <= 1e6 } ?? true,
            "--l2 must be above 0 and at most 1e6, not \(settings.l2 ?? 0)")
        try require(
            settings.imbalance.isFinite && settings.imbalance >= 1,
            "--imbalance must be a number from 1 on, not \(settings.imbalance)")
    }

    private static func list<Element: Hashable>(
        _ text: String, _ option: String, of offered: [String], _ element: (String) -> Element?
    ) throws(RunError) -> [Element] {
        var elements: [Element] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let found = element(String(part)) else {
                throw .usage(
                    "\(option) cannot take '\(part)'; it takes \(offered.joined(separator: ", ")), with commas between them"
                )
            }
            guard !elements.contains(found) else {
                throw .usage("\(option) has \(part) twice")
            }
            elements.append(found)
        }
        return elements
    }

    /// Which rows to read of a data set: those of fraction 1.
    func request(_ name: DatasetName) throws(DatasetError) -> DatasetRequest {
        DatasetRequest(
            name, dataDirectory: run.dataDirectory,
            environment: ProcessInfo.processInfo.environment,
            classes: try ClassSelection(parsing: settings.classes),
            every: settings.every)
    }
}
