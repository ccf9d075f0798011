package import Datasets
package import HeadPlan
package import RunStore

/// Which weights head training may change.
package enum HeadMode: String, Sendable, CaseIterable {
    /// The head's own, on frozen features.
    case frozen
    /// The whole net's, started from the backbone.
    case warm
    /// The whole net's, started afresh.
    case scratch
}

/// Every option of `coordinator run`, as in force.
package struct RunOptions: Sendable {
    package var dataset = DatasetName.fashionMNIST
    package var dataDirectory: String?
    package var classes = ClassSelection.all
    package var every = 1
    package var fraction = 1.0
    package var epochs = 12
    package var headEpochs = 20
    package var batchSize = 128
    package var learningRate: Float = 1
    package var headDropout: Float = 0.5
    package var heads = HeadPlan.Kind.subsets
    package var headMode = HeadMode.frozen
    package var headInitialisation = HeadInitialisation.glorot
    package var seed: UInt64 = 0
    package var workers = 0
    package var minWorkers = 1
    package var bind = "tcp://127.0.0.1:5555"
    package var insecure = false
    package var threads: Int
    package var runDirectory: String?
    package var savesFeatures = false
    package var printsJSON = false
    package var isQuiet = false
    package var logLevel = LogLevel.info

    /// The defaults of the contract, with `threads` for the backbone and the evaluation.
    package init(threads: Int) {
        self.threads = threads
    }

    /// Checks what no parser of a single option can.
    ///
    /// - Throws: `usage` with one sentence for what cannot run.
    package func check() throws(RunError) {
        try require(every >= 1, "--every must be at least 1, not \(every)")
        try require(
            fraction > 0 && fraction <= 1,
            "--fraction must be above 0 and at most 1, not \(fraction)")
        try require((1...100_000).contains(epochs), "--epochs must be 1 to 100,000, not \(epochs)")
        try require(
            (1...100_000).contains(headEpochs),
            "--head-epochs must be 1 to 100,000, not \(headEpochs)")
        try require(
            (1...65_536).contains(batchSize), "--batch-size must be 1 to 65,536, not \(batchSize)")
        try require(
            learningRate.isFinite && learningRate > 0,
            "--learning-rate must be above 0, not \(learningRate)")
        try require(
            headDropout >= 0 && headDropout < 1,
            "--head-dropout must be at least 0 and below 1, not \(headDropout)")
        try require((0...1_024).contains(workers), "--workers must be 0 to 1,024, not \(workers)")
        try require(
            (1...100_000).contains(minWorkers),
            "--min-workers must be at least 1, not \(minWorkers)")
        try require(
            workers == 0 || minWorkers <= workers,
            "--min-workers \(minWorkers) can never be reached by --workers \(workers) alone; raise --workers"
        )
        try require((1...4_096).contains(threads), "--threads must be 1 to 4,096, not \(threads)")
        try require(
            headMode == .frozen,
            "--head-mode \(headMode.rawValue) is not in this version; only frozen heads are trained"
        )
        try require(
            insecure || isLoopback,
            """
            --bind \(bind) lets any machine that reaches it join, read the features and send \
            heads; bind to 127.0.0.1, or say --insecure if the network is yours alone
            """)
    }

    private func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(RunError) {
        if !condition { throw .usage(message()) }
    }

    private var isLoopback: Bool {
        guard bind.hasPrefix("tcp://") else { return bind.hasPrefix("ipc://") }
        let host = bind.dropFirst("tcp://".count)
        return host.hasPrefix("127.") || host.hasPrefix("localhost:") || host.hasPrefix("[::1]:")
            || host.hasPrefix("lo:")
    }

    /// Every option in force, as config.json and results.json hold it.
    package var config: [String: JSONValue] {
        [
            "dataset": .string(dataset.rawValue),
            "data_dir": dataDirectory.map { .string($0) } ?? .null,
            "classes": .string(classes.description), "every": .integer(Int64(every)),
            "fraction": .number(fraction), "epochs": .integer(Int64(epochs)),
            "head_epochs": .integer(Int64(headEpochs)), "batch_size": .integer(Int64(batchSize)),
            "learning_rate": .number(Double(learningRate)),
            "head_dropout": .number(Double(headDropout)), "heads": .string(heads.rawValue),
            "head_mode": .string(headMode.rawValue),
            "head_init": .string(headInitialisation.rawValue), "seed": .unsigned(seed),
            "workers": .integer(Int64(workers)), "min_workers": .integer(Int64(minWorkers)),
            "bind": .string(bind), "insecure": .bool(insecure),
            "threads": .integer(Int64(threads)),
            "run_dir": runDirectory.map { .string($0) } ?? .null,
            "save_features": .bool(savesFeatures), "json": .bool(printsJSON),
            "quiet": .bool(isQuiet), "log_level": .string(logLevel.rawValue),
        ]
    }

    /// Options by which two starts of one run may differ.
    ///
    /// `threads` is among them although the backbone's bits depend on it: what is trained already is
    /// kept, and the heads' bits do not.
    package static let incidental: Set<String> = [
        "data_dir", "workers", "min_workers", "bind", "insecure", "threads", "run_dir",
        "save_features", "json", "quiet", "log_level",
    ]

    /// What every head of the run is trained by.
    var headHyperparameters: HeadHyperparameters {
        HeadHyperparameters(
            epochCount: headEpochs, batchSize: batchSize, learningRate: learningRate,
            dropout: headDropout, initialisation: headInitialisation, seed: seed)
    }
}
