/// results.json: what a run did and found.
package struct RunResults: Codable, Sendable, Equatable {
    /// Every option in force.
    package var config: [String: JSONValue]
    package var data: DataSummary
    package var schemes: Schemes
    package var digests: Digests
    package var timing: Timing
    package var heads: HeadCounts
    package var workers: [WorkerSummary]
    /// Programs and libraries by name.
    package var versions: [String: String]

    package init(
        config: [String: JSONValue], data: DataSummary, schemes: Schemes, digests: Digests,
        timing: Timing, heads: HeadCounts, workers: [WorkerSummary], versions: [String: String]
    ) {
        self.config = config
        self.data = data
        self.schemes = schemes
        self.digests = digests
        self.timing = timing
        self.heads = heads
        self.workers = workers
        self.versions = versions
    }
}

extension RunResults {
    /// What the run was trained and tested on.
    package struct DataSummary: Codable, Sendable, Equatable {
        package var trainRows: Int
        package var testRows: Int
        /// How many classes.
        package var classes: Int
        package var classNames: [String]
        /// Of the data set's files, hexadecimal.
        package var sha256: String

        private enum CodingKeys: String, CodingKey {
            case trainRows = "train_rows"
            case testRows = "test_rows"
            case classes
            case classNames = "class_names"
            case sha256
        }

        package init(
            trainRows: Int, testRows: Int, classes: Int, classNames: [String], sha256: String
        ) {
            self.trainRows = trainRows
            self.testRows = testRows
            self.classes = classes
            self.classNames = classNames
            self.sha256 = sha256
        }
    }

    /// The schemes evaluated; what a run trained no heads for is absent.
    package struct Schemes: Codable, Sendable, Equatable {
        package var oneVsAll: SchemeSummary
        package var oneVsAllRefit: SchemeSummary?
        package var allVsAll: SchemeSummary?
        package var tree: SchemeSummary?

        private enum CodingKeys: String, CodingKey {
            case oneVsAll = "one_vs_all"
            case oneVsAllRefit = "one_vs_all_refit"
            case allVsAll = "all_vs_all"
            case tree
        }

        package init(
            oneVsAll: SchemeSummary, oneVsAllRefit: SchemeSummary?, allVsAll: SchemeSummary?,
            tree: SchemeSummary?
        ) {
            self.oneVsAll = oneVsAll
            self.oneVsAllRefit = oneVsAllRefit
            self.allVsAll = allVsAll
            self.tree = tree
        }
    }

    /// How a scheme did and what it costs.
    package struct SchemeSummary: Codable, Sendable, Equatable {
        package var accuracy: Double
        package var correct: Int
        /// Heads trained for it.
        package var heads: Int
        package var headsPerPrediction: Int
        package var parameters: Int
        package var bytes: Int

        private enum CodingKeys: String, CodingKey {
            case accuracy, correct, heads
            case headsPerPrediction = "heads_per_prediction"
            case parameters, bytes
        }

        package init(
            accuracy: Double, correct: Int, heads: Int, headsPerPrediction: Int, parameters: Int,
            bytes: Int
        ) {
            self.accuracy = accuracy
            self.correct = correct
            self.heads = heads
            self.headsPerPrediction = headsPerPrediction
            self.parameters = parameters
            self.bytes = bytes
        }
    }

    /// SHA-256 in hexadecimal, see ``RunDigests``.
    package struct Digests: Codable, Sendable, Equatable {
        package var features: String
        package var heads: String
        package var predictions: String

        package init(features: String, heads: String, predictions: String) {
            self.features = features
            self.heads = heads
            self.predictions = predictions
        }
    }

    /// Seconds by phase.
    package struct Timing: Codable, Sendable, Equatable {
        package var data: Double
        package var backbone: Double
        package var features: Double
        package var broadcast: Double
        package var heads: Double
        package var evaluate: Double
        package var total: Double

        package init(
            data: Double, backbone: Double, features: Double, broadcast: Double, heads: Double,
            evaluate: Double, total: Double
        ) {
            self.data = data
            self.backbone = backbone
            self.features = features
            self.broadcast = broadcast
            self.heads = heads
            self.evaluate = evaluate
            self.total = total
        }
    }

    /// What became of the heads.
    package struct HeadCounts: Codable, Sendable, Equatable {
        package var trained: Int
        /// Taken over from an earlier start of the same run.
        package var resumed: Int
        /// Results that came again and were compared.
        package var duplicated: Int
        /// Results that failed a check.
        package var rejected: Int
        package var headEpochsPerSecond: Double
        package var gflopsPerSecond: Double

        private enum CodingKeys: String, CodingKey {
            case trained, resumed, duplicated, rejected
            case headEpochsPerSecond = "head_epochs_per_second"
            case gflopsPerSecond = "gflops_per_second"
        }

        package init(
            trained: Int, resumed: Int, duplicated: Int, rejected: Int,
            headEpochsPerSecond: Double, gflopsPerSecond: Double
        ) {
            self.trained = trained
            self.resumed = resumed
            self.duplicated = duplicated
            self.rejected = rejected
            self.headEpochsPerSecond = headEpochsPerSecond
            self.gflopsPerSecond = gflopsPerSecond
        }
    }

    /// What one worker did.
    package struct WorkerSummary: Codable, Sendable, Equatable {
        package var name: String
        package var host: String
        package var isa: String
        package var threads: Int
        package var heads: Int
        package var busySeconds: Double
        package var peakRSSBytes: Int
        package var bytesReceived: Int

        private enum CodingKeys: String, CodingKey {
            case name, host, isa, threads, heads
            case busySeconds = "busy_seconds"
            case peakRSSBytes = "peak_rss_bytes"
            case bytesReceived = "bytes_received"
        }

        package init(
            name: String, host: String, isa: String, threads: Int, heads: Int,
            busySeconds: Double, peakRSSBytes: Int, bytesReceived: Int
        ) {
            self.name = name
            self.host = host
            self.isa = isa
            self.threads = threads
            self.heads = heads
            self.busySeconds = busySeconds
            self.peakRSSBytes = peakRSSBytes
            self.bytesReceived = bytesReceived
        }
    }
}
