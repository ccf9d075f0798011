import CoordinatorNetwork
package import FeatureSource
import Formats
import Foundation
import HeadTraining
package import Heads
package import ImageData
package import LeNet
package import Numerics
import RunFolder
package import Sessions
package import System

/// Which weights training changes.
package enum HeadMode: String, Sendable, CaseIterable {
    /// The head's own, on frozen features.
    case frozen
    /// The whole net's, started from the backbone.
    case warm
    /// The whole network's, from new weights.
    case scratch
}

/// How long heads train.
package enum HeadEpochs: Hashable, Sendable, CustomStringConvertible {
    /// So many passes over the rows, 1 to 100,000.
    case count(Int)
    /// To the optimum, without dropout and with an L2 penalty.
    case converge

    /// A whole number, or `converge`.
    package init?(argument: String) {
        if argument == "converge" {
            self = .converge
        } else if let count = Int(argument) {
            self = .count(count)
        } else {
            return nil
        }
    }

    /// As a person gives it.
    package var description: String {
        switch self {
        case .count(let count): "\(count)"
        case .converge: "converge"
        }
    }

    var config: JSONValue {
        switch self {
        case .count(let count): .integer(Int64(count))
        case .converge: .string(description)
        }
    }
}

/// What a row weighs by its class while a head trains.
package enum ClassWeight: String, Sendable, CaseIterable {
    /// Each row 1.
    case none
    /// Each of a head's classes the same in all, as scikit-learn's `class_weight="balanced"`.
    case balanced
}

/// Every option of `coordinator run`, as in force.
package struct RunOptions: Sendable {
    /// The data set whose files are read.
    package var dataset = DatasetName.fashionMNIST
    /// The user's own files, in the place of a data set's; nil for a data set.
    package var userData: UserDataRequest?
    /// Folder with the standard files; nil means `MANYHEADS_DATA`, then the system's folder.
    package var dataDirectory: String?
    /// The classes kept, which also numbers the labels.
    package var classes = ClassSelection.all
    /// Every which training row of the kept classes stays; 1 keeps all.
    package var every = 1
    /// Share of each class's rows left by `every` that stays, drawn by the seed; in (0, 1].
    package var fraction = 1.0
    /// Share of each class's rows left that are held out to choose by, drawn by the seed; in (0, 1).
    package var holdout: Double?
    /// What is done to features of the user's own before any head reads them.
    package var normalization = Normalization.Kind.none
    /// What rows weigh by their class while heads train.
    package var classWeight = ClassWeight.none
    /// Epochs of the backbone, 1 to 100,000.
    package var epochs = 12
    /// How long every head trains, if it was said.
    package var givenHeadEpochs: HeadEpochs?
    /// Strength of the penalty of heads at their optimum, above 0; nil has validation rows choose it, or
    /// cross-validation where there are none.
    package var l2: Double?
    /// Numbers of the backbone's heavy products.
    package var precision = BackbonePrecision.fp32
    /// Rows per update of backbone and heads, 1 to 65,536.
    package var batchSize = 128
    /// Adadelta's learning rate for backbone and heads, above 0.
    package var learningRate: Float = 1
    /// Share of the features dropped while heads train, in [0, 1); nil is half of them, and none on the
    /// way to an optimum.
    package var headDropout: Float?
    /// Which class sets get a head, if it was said.
    package var givenHeads: HeadPlan.Kind?
    /// Which weights head training may change.
    package var headMode = HeadMode.frozen
    /// Where the heads' weights start; an optimum does not depend on it.
    package var headInitialisation = HeadInitialisation.glorot
    /// Seed of everything that is drawn: subsample, weights, orders, dropout.
    package var seed: UInt64 = 0
    /// Worker processes to start on this machine, 0 to 1,024, one compute thread each.
    package var workers = 0
    /// Workers that must hold all features before heads are handed out, at least 1.
    package var minWorkers = 1
    /// How long to wait for workers at most; nil is for ever.
    package var waitLimit: WaitLimit?
    /// Control endpoint; features are broadcast on the port after it, and port 0 picks free ones.
    package var bind = "tcp://127.0.0.1:5555"
    /// Whether `bind` may reach beyond this machine although nothing is encrypted.
    package var insecure = false
    /// File of the coordinator's secret key; nil means that nothing is encrypted.
    package var keyPath: String?
    /// File or folder of the keys of the workers that may join; with `keyPath` only.
    package var allowPath: String?
    /// Share of the heads that a second process trains as well, to compare, in [0, 1].
    package var verify = 0.0
    /// Threads of the backbone and the evaluation, 1 to 4,096.
    package var threads: Int
    /// Folder of a finished run whose heads are taken over where they would be the same; nil for none.
    package var from: String?
    /// Folder of the run's files; nil makes one under `runs`, named by time and data set.
    package var runDirectory: String?
    /// Whether features and labels are also written as .npy files.
    package var savesFeatures = false
    /// Whether standard output gets results.json in place of the table.
    package var printsJSON = false
    /// Whether standard error gets warnings and no progress.
    package var isQuiet = false
    /// The least important kind of line that standard error gets.
    package var logLevel = LogLevel.info

    /// How long every head trains: of the user's own files to its optimum.
    package var headEpochs: HeadEpochs {
        get { givenHeadEpochs ?? (userData == nil ? .count(20) : .converge) }
        set { givenHeadEpochs = newValue }
    }

    /// Which class sets get a head: of the user's own files pairs, as nobody knows how many classes
    /// there are.
    package var heads: HeadPlan.Kind {
        get { givenHeads ?? (userData == nil ? .subsets : .pairs) }
        set { givenHeads = newValue }
    }

    /// The defaults of the contract, with `threads` for the backbone and the evaluation.
    package init(threads: Int) {
        self.threads = threads
    }

    /// Checks what no parser of a single option can.
    ///
    /// - Throws: `usage` with one sentence for what cannot run.
    package func check() throws(RunError) {
        try checkRows()
        try require((1...100_000).contains(epochs), "--epochs must be 1 to 100,000, not \(epochs)")
        try checkHeads()
        try require(
            (1...65_536).contains(batchSize), "--batch-size must be 1 to 65,536, not \(batchSize)")
        try require(
            learningRate.isFinite && learningRate > 0,
            "--learning-rate must be a number above 0, not \(learningRate)")
        try require(
            precision.isAvailable,
            "--precision \(precision.rawValue) needs a processor with bf16 instructions, which this one lacks; use fp32"
        )
        try require((0...1_024).contains(workers), "--workers must be 0 to 1,024, not \(workers)")
        try require(
            (1...100_000).contains(minWorkers),
            "--min-workers must be 1 to 100,000, not \(minWorkers)")
        try require(
            verify >= 0 && verify <= 1, "--verify must be a share of 0 to 1, not \(verify)")
        try require((1...4_096).contains(threads), "--threads must be 1 to 4,096, not \(threads)")
        try checkBind()
        try require(
            (keyPath == nil) == (allowPath == nil),
            "--key and --allow go together: the coordinator's secret key, and the list of the workers that may join; coordinator keygen DIR makes both"
        )
    }

    private func checkBind() throws(RunError) {
        let endpoint = try TCPEndpoint(bind, option: "--bind", example: "tcp://127.0.0.1:5555")
        try require(
            endpoint.port < UInt16.max,
            "--bind takes its port and the next one: 0 to 65,534, not \(bind)")
        try require(
            insecure || endpoint.isLoopback || keyPath != nil,
            """
            --bind \(bind) lets any machine that reaches it join, read the features and send \
            heads; give --key and --allow (see coordinator keygen), bind to 127.0.0.1 or [::1], or \
            say --insecure if the network is yours alone
            """)
    }

    private func checkRows() throws(RunError) {
        try require(every >= 1, "--every must be at least 1, not \(every)")
        try require(
            fraction > 0 && fraction <= 1,
            "--fraction must be above 0 and at most 1, not \(fraction)")
        try require(
            holdout.map { $0 > 0 && $0 < 1 } ?? true,
            "--holdout must be a share above 0 and below 1, not \(holdout ?? 0)")
        try require(
            holdout == nil || userData?.val == nil,
            "--holdout takes validation rows out of the training rows, and --val has some already; give one of them"
        )
        try require(
            normalization == .none || userData != nil,
            "--normalize is of features in files (--train); images of a --dataset go to the backbone as they are"
        )
        guard let userData else { return }
        try require(
            userData.svmlightBase.map { (0...1).contains($0) } ?? true,
            "--svmlight-base must be 0 or 1, the number of the first column, not \(userData.svmlightBase ?? 0)"
        )
        try require(
            headMode == .frozen,
            "--head-mode \(headMode.rawValue) trains whole networks on a --dataset; --train takes frozen heads"
        )
    }

    private func checkHeads() throws(RunError) {
        if case .count(let count) = headEpochs {
            try require(
                (1...100_000).contains(count), "--head-epochs must be 1 to 100,000, not \(count)")
            try require(
                l2 == nil, "--l2 is the penalty of --head-epochs converge, which is not asked for")
            try require(
                userData?.sampleWeights == nil,
                "--sample-weight is of heads at their optimum; use --head-epochs converge, or leave it out"
            )
        }
        if let headDropout {
            try require(
                headDropout >= 0 && headDropout < 1,
                "--head-dropout must be at least 0 and below 1, not \(headDropout)")
            try require(
                headEpochs != .converge || headDropout == 0,
                "--head-epochs converge trains without dropout, so --head-dropout must be 0 or left out, not \(headDropout)"
            )
        }
        try require(
            headEpochs != .converge || headInitialisation == .glorot,
            "--head-init is of heads trained by epochs; those of --head-epochs converge have one optimum, wherever they start"
        )
        try require(
            l2.map { $0 > 0 && $0 <= 1e6 } ?? true,
            "--l2 must be above 0 and at most 1e6, not \(l2 ?? 0)")
        guard headMode != .frozen else { return }
        try require(
            headEpochs != .converge,
            "--head-epochs converge is for frozen heads; networks of --head-mode \(headMode.rawValue) train by epochs"
        )
        try require(
            headDropout == nil,
            "--head-dropout is of frozen heads; networks of --head-mode \(headMode.rawValue) have the backbone's own dropout"
        )
        try require(
            headInitialisation == .glorot,
            "--head-init is of frozen heads; networks of --head-mode \(headMode.rawValue) start where their mode says"
        )
        try require(
            precision == .fp32,
            "--precision is of frozen heads' backbone; networks of --head-mode \(headMode.rawValue) train in fp32, and so does theirs"
        )
        try require(
            classWeight == .none,
            "--class-weight is of frozen heads; networks of --head-mode \(headMode.rawValue) train on rows that weigh the same"
        )
        try require(
            holdout == nil,
            "--holdout is of frozen heads; of networks of --head-mode \(headMode.rawValue) only what they say of the test rows is kept"
        )
    }

    /// Whether the rows of a head, and of the backbone, weigh by their class.
    var isBalanced: Bool { classWeight == .balanced }

    /// Share of the features dropped while heads train.
    var headDropoutInForce: Float { headDropout ?? (headEpochs == .converge ? 0 : 0.5) }

    private func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(RunError) {
        if !condition { throw .usage(message()) }
    }

    /// Whether no other machine can reach `bind`, as its own words show.
    package var isLoopback: Bool { TCPEndpoint(bind)?.isLoopback == true }

    /// Who may join, read from the files; nil where nothing is encrypted.
    ///
    /// - Throws: `data` with one sentence for a file that cannot be used, `unavailable` if libzmq
    ///   cannot encrypt.
    func admission() throws(RunError) -> Admission? {
        guard let keyPath, let allowPath else { return nil }
        return try Admission(keyPath: keyPath, listPath: allowPath)
    }

    /// Which rows to read.
    var datasetRequest: DatasetRequest {
        DatasetRequest(
            dataset, dataDirectory: dataDirectory,
            environment: ProcessInfo.processInfo.environment, classes: classes, every: every,
            fraction: fraction, seed: seed)
    }

    /// The heads to train for so many classes.
    ///
    /// - Throws: `usage` for more classes than all subsets can be listed of.
    func plan(classCount: Int) throws(RunError) -> HeadPlan {
        if heads == .subsets && classCount > HeadPlan.subsetClassCountMax {
            throw .usage(
                "\(classCount.counted("class")) have 2^\(classCount) subsets; use --heads pairs, or --classes to keep at most \(HeadPlan.subsetClassCountMax)"
            )
        }
        let pairCount = classCount * (classCount - 1) / 2
        guard pairCount <= Self.pairCountMax else {
            throw RunError(
                .data,
                "the labels have \(classCount.counted("different value")), of which there are \(pairCount.counted("pair")), and a run takes at most \(Self.pairCountMax.grouped): are they classes, or names of rows?"
            )
        }
        // The head over all classes is the one-vs-all of features without a backbone, and a control
        // beside one.
        return HeadPlan(heads, classCount: classCount, withAllClasses: userData != nil)
    }

    /// As many pairs as fit a coordinator's memory: 2.5 GB for what is known of each.
    private static let pairCountMax = 10_000_000

    /// Checks the options against the rows, before anything is written.
    ///
    /// - Throws: `RunError` or `FormatError`, one sentence, for what cannot run.
    func check(_ data: RunData) throws {
        guard let request = userData else { return }
        if let from { try FormerRun.checkLabels(of: from, data) }
        if data.images == nil, headInitialisation == .derived {
            throw RunError.usage(
                "--head-init derived starts heads at the backbone's own output rows, and \(request.train) holds features, without a backbone; use glorot or zero"
            )
        }
        if headEpochs == .converge, l2 == nil, !data.hasValidation {
            var counts = [Int](repeating: 0, count: data.classCount)
            for label in data.trainLabels { counts[label] += 1 }
            guard counts.contains(where: { $0 > 1 }) else {
                throw RunError(
                    .data,
                    "\(request.trainLabels ?? request.train) has one row of every class, and cross-validation holds one of two rows out; say --l2, or give validation rows by --val"
                )
            }
        }
    }

    /// The run directory, made, locked and compared with these options.
    ///
    /// - Parameters:
    ///   - name: what the rows are called, for a folder without a name of its own.
    ///   - kind: whose folder it is: a run's or a benchmark's.
    func openDirectory(name: String, kind: FolderKind = .run) throws -> RunDirectory {
        try RunDirectory(
            path: runDirectory
                ?? RunDirectory.makeDefault(
                    dataset: name, at: Int(Date().timeIntervalSince1970)),
            config: kind == .run
                ? config : config.merging(FolderKind.benchmarkConfig) { own, _ in own },
            // Which program it is was looked at already.
            incidental: Self.incidental.union([FolderKind.configKey]),
            optionalFiles: Self.optionalFiles, kind: kind)
    }

    /// How every head of the run is trained.
    ///
    /// - Parameter l2: the penalty in force of heads at their optimum; nil of heads trained by epochs.
    func training(l2: Double?) -> Training {
        if let l2 { return .optimum(l2: l2, isBalanced: isBalanced) }
        guard case .count(let count) = headEpochs else {
            preconditionFailure("the penalty of heads at their optimum is chosen before")
        }
        return .epochs(
            HeadHyperparameters(
                epochCount: count, batchSize: batchSize, learningRate: learningRate,
                dropout: headDropoutInForce, initialisation: headInitialisation, seed: seed,
                isBalanced: isBalanced))
    }
}
