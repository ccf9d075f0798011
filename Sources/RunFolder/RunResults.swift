package import Formats

/// results.json: what a run did and found.
package struct RunResults: Codable, Sendable, Equatable {
    /// Every option in force.
    package var config: [String: JSONValue]
    /// What the run was trained and tested on.
    package var data: DataSummary
    /// How the schemes did, by their keys; what a run trained no heads for is absent.
    package var schemes: [String: SchemeSummary]
    /// The key of the scheme that validation rows chose, by which the model predicts; nil without any.
    package var chosenScheme: String?
    /// The digests that two equal runs share.
    package var digests: Digests
    /// How long each phase took, over all starts of the run.
    package var timing: Timing
    /// How long each start took and its phases, the first start first; the last made these results.
    package var starts: [Timing]?
    /// What became of the heads.
    package var heads: HeadCounts
    /// Of heads at their optimum; nil of heads trained by epochs.
    package var optimum: Optimum?
    /// What was trained a second time to compare; nil if nothing was.
    package var verification: Verification?
    /// Who could not be trusted and what could not be trained; nil if nobody and nothing.
    package var quarantine: Quarantine?
    /// One for each time a worker joined, in order of joining.
    package var workers: [WorkerSummary]
    /// The machine that made the features and judged the schemes.
    package var coordinator: CoordinatorSummary?
    /// SHA-256 of the bytes of the run's other files, in hexadecimal, by name.
    package var files: [String: String]?
    /// Who was kept out.
    package var security: SecuritySummary
    /// Programs and libraries by name.
    package var versions: [String: String]

    private enum CodingKeys: String, CodingKey {
        case config, data, schemes, digests, timing, starts, heads, optimum, verification
        case quarantine, workers, coordinator, files, security, versions
        case chosenScheme = "chosen_scheme"
    }

    /// Results of these parts.
    package init(
        config: [String: JSONValue], data: DataSummary, schemes: [String: SchemeSummary],
        chosenScheme: String? = nil, digests: Digests,
        timing: Timing, starts: [Timing]? = nil, heads: HeadCounts, optimum: Optimum? = nil,
        verification: Verification? = nil,
        quarantine: Quarantine? = nil, workers: [WorkerSummary],
        coordinator: CoordinatorSummary? = nil, files: [String: String]? = nil,
        security: SecuritySummary, versions: [String: String]
    ) {
        self.starts = starts
        self.coordinator = coordinator
        self.files = files
        self.verification = verification
        self.quarantine = quarantine
        self.config = config
        self.data = data
        self.schemes = schemes
        self.chosenScheme = chosenScheme
        self.digests = digests
        self.timing = timing
        self.heads = heads
        self.optimum = optimum
        self.workers = workers
        self.security = security
        self.versions = versions
    }
}

extension RunResults {
    /// What the run was trained and tested on.
    package struct DataSummary: Codable, Sendable, Equatable {
        /// Training rows kept by class, every and fraction.
        package var trainRows: Int
        /// Rows that the penalty, the scheme and the temperatures are chosen by; nil without any.
        package var validationRows: Int?
        /// Test rows of the kept classes.
        package var testRows: Int
        /// How many classes.
        package var classes: Int
        /// A name per class, in the order of the labels.
        package var classNames: [String]
        /// Features of a row: those of the backbone, or of the files.
        package var featureCount: Int
        /// Of the pixels and labels used, training then test, or of the files, hexadecimal.
        package var sha256: String
        /// Bytes of the features of the training rows as each worker gets them, without their zeros
        /// where that is less; nil where images are sent in their place.
        package var featureBytes: Int?

        private enum CodingKeys: String, CodingKey {
            case trainRows = "train_rows"
            case validationRows = "validation_rows"
            case testRows = "test_rows"
            case classes
            case classNames = "class_names"
            case featureCount = "feature_count"
            case sha256
            case featureBytes = "feature_bytes"
        }

        /// A summary of these figures.
        package init(
            trainRows: Int, validationRows: Int? = nil, testRows: Int, classes: Int,
            classNames: [String], featureCount: Int, sha256: String, featureBytes: Int? = nil
        ) {
            self.validationRows = validationRows
            self.trainRows = trainRows
            self.testRows = testRows
            self.classes = classes
            self.classNames = classNames
            self.featureCount = featureCount
            self.sha256 = sha256
            self.featureBytes = featureBytes
        }
    }

    /// SHA-256 in hexadecimal, see ``RunDigests``.
    package struct Digests: Codable, Sendable, Equatable {
        /// Of the features `[sample, feature]`: the training rows, then the test rows.
        package var features: String
        /// Of all heads in the plan's order.
        package var heads: String
        /// Of the bytes of predictions.csv.
        package var predictions: String

        /// Digests of 64 hexadecimal digits each; not checked.
        package init(features: String, heads: String, predictions: String) {
            self.features = features
            self.heads = heads
            self.predictions = predictions
        }
    }

    /// Seconds by phase.
    package struct Timing: Codable, Sendable, Equatable {
        /// Reading and selecting the rows.
        package var data: Double
        /// Training the backbone.
        package var backbone: Double
        /// Taking the features of training and test rows.
        package var features: Double
        /// From the features' announcement until every worker connected then holds them.
        package var broadcast: Double
        /// From the features' end to the last head, less what of the broadcast came before leases.
        ///
        /// What of the broadcast passes while heads train is in both.
        package var heads: Double
        /// Predicting the test rows by every scheme.
        package var evaluate: Double
        /// From the start until results.json is made: what no phase covers is in it too.
        package var total: Double

        /// Times of these phases, in seconds.
        package init(
            data: Double = 0, backbone: Double = 0, features: Double = 0, broadcast: Double = 0,
            heads: Double = 0, evaluate: Double = 0, total: Double = 0
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
        /// Heads that the run holds at its end.
        package var trained: Int
        /// Taken over from an earlier start of the same run.
        package var resumed: Int
        /// Results that came again and were compared.
        package var duplicated: Int
        /// Results that failed a check.
        package var rejected: Int
        /// Heads, resumed ones too, that are certified to be at their optimum; nil where none is
        /// meant to be.
        package var certified: Int?
        /// Epochs of heads a second while heads trained; 0 of heads at their optimum, whose passes
        /// over the rows are not counted.
        package var headEpochsPerSecond: Double
        /// 10^9 operations a second while heads trained, by the textbook's count; 0 likewise.
        package var gflopsPerSecond: Double
        /// Share of the compute threads' time, from the first lease to the last head, in which
        /// nothing was trained; nil, as the next two, where nothing was.
        package var idleShare: Double?
        /// From the first worker's last result to the last worker's, in seconds.
        package var finishSpreadSeconds: Double?
        /// The same in lengths of the waiting worker's last bundle, the greatest over the workers.
        package var finishSpreadBundles: Double?
        /// Bytes of messages a head on the control connections, from the first lease on, beside its
        /// weights.
        package var wireOverheadBytesPerHead: Double

        private enum CodingKeys: String, CodingKey {
            case trained, resumed, duplicated, rejected, certified
            case headEpochsPerSecond = "head_epochs_per_second"
            case gflopsPerSecond = "gflops_per_second"
            case idleShare = "idle_share"
            case finishSpreadSeconds = "finish_spread_seconds"
            case finishSpreadBundles = "finish_spread_bundles"
            case wireOverheadBytesPerHead = "wire_overhead_bytes_per_head"
        }

        /// Counts and rates of these values.
        package init(
            trained: Int, resumed: Int, duplicated: Int, rejected: Int, certified: Int? = nil,
            headEpochsPerSecond: Double, gflopsPerSecond: Double, idleShare: Double? = nil,
            finishSpreadSeconds: Double? = nil, finishSpreadBundles: Double? = nil,
            wireOverheadBytesPerHead: Double
        ) {
            self.certified = certified
            self.idleShare = idleShare
            self.finishSpreadSeconds = finishSpreadSeconds
            self.finishSpreadBundles = finishSpreadBundles
            self.trained = trained
            self.resumed = resumed
            self.duplicated = duplicated
            self.rejected = rejected
            self.headEpochsPerSecond = headEpochsPerSecond
            self.gflopsPerSecond = gflopsPerSecond
            self.wireOverheadBytesPerHead = wireOverheadBytesPerHead
        }
    }

    /// What was trained a second time, by another process, and compared byte for byte.
    package struct Verification: Codable, Sendable, Equatable {
        /// Share of the heads that was to be.
        package var share: Double
        /// Heads that a second process trained with the same bytes.
        package var checked: Int
        /// Heads whose check was given up, because workers died of it.
        package var unchecked: Int
        /// Results that differed from what was there.
        package var differing: Int
        /// Heads that the coordinator's machine trained itself, to decide or to check.
        package var refereed: Int

        private enum CodingKeys: String, CodingKey {
            case share
            case checked = "heads_checked"
            case unchecked = "heads_unchecked"
            case differing = "heads_differing"
            case refereed = "heads_refereed"
        }

        /// A summary of these figures.
        package init(share: Double, checked: Int, unchecked: Int, differing: Int, refereed: Int) {
            self.share = share
            self.checked = checked
            self.unchecked = unchecked
            self.differing = differing
            self.refereed = refereed
        }
    }

    /// What is missing and who is to blame.
    package struct Quarantine: Codable, Sendable, Equatable {
        /// A worker that computes wrongly.
        package struct Worker: Codable, Sendable, Equatable {
            /// As the worker calls itself.
            package var name: String
            /// The machine's name, as the worker says it.
            package var host: String
            /// How it was found out.
            package var reason: String
            /// Heads of it that others trained again.
            package var headsWithdrawn: Int

            private enum CodingKeys: String, CodingKey {
                case name, host, reason
                case headsWithdrawn = "heads_withdrawn"
            }

            /// A worker and its fault.
            package init(name: String, host: String, reason: String, headsWithdrawn: Int) {
                self.name = name
                self.host = host
                self.reason = reason
                self.headsWithdrawn = headsWithdrawn
            }
        }

        /// The classes of each head that is missing, since three workers died of it; the evaluation
        /// used the backbone's own outputs for those classes.
        package var heads: [[Int]]
        /// Workers that computed wrongly.
        package var workers: [Worker]

        /// Missing heads and guilty workers.
        package init(heads: [[Int]], workers: [Worker]) {
            self.heads = heads
            self.workers = workers
        }
    }

    /// How the run was guarded.
    package struct SecuritySummary: Codable, Sendable, Equatable {
        /// `curve` or `none`.
        package var encryption: String
        /// Handshakes and messages refused and connections cut, since the coordinator started last.
        package var refused: Int
        /// The same by reason.
        package var refusedByReason: [String: Int]

        private enum CodingKeys: String, CodingKey {
            case encryption, refused
            case refusedByReason = "refused_by_reason"
        }

        /// A summary of these figures.
        package init(encryption: String, refused: Int, refusedByReason: [String: Int]) {
            self.encryption = encryption
            self.refused = refused
            self.refusedByReason = refusedByReason
        }
    }

    /// What one worker did.
    package struct WorkerSummary: Codable, Sendable, Equatable {
        /// As the worker calls itself.
        package var name: String
        /// The machine's name, as the worker says it.
        package var host: String
        /// The kernel variant that trained, as in `avx2`.
        package var isa: String
        /// Its compute threads.
        package var threads: Int
        /// Heads accepted from it.
        package var heads: Int
        /// Seconds of its compute threads spent on bundles that arrived, summed over threads.
        package var busySeconds: Double
        /// The most memory its process held, as it last said.
        package var peakRSSBytes: Int
        /// Bytes of features it received in this run, repeated and damaged ones too, as it last
        /// said.
        package var bytesReceived: Int

        private enum CodingKeys: String, CodingKey {
            case name, host, isa, threads, heads
            case busySeconds = "busy_seconds"
            case peakRSSBytes = "peak_rss_bytes"
            case bytesReceived = "bytes_received"
        }

        /// A worker of these figures.
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
