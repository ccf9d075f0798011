package import Decoding
package import Numerics

/// What a probe found, ready to be written, printed and drawn: most of its `results.json`.
///
/// Schemes are keys of the file as ``Scheme`` names them; their order for people is ``schemes``.
package struct ProbeReport: Codable, Sendable, Equatable {
    /// What was trained on, chosen by and tested on.
    package var data: DataSummary
    /// How far above the least possible the objective of a certified head may be, by its own size.
    package var gapTolerance: Double
    /// By scheme, a point for every value of C, ascending.
    package var path: [Scheme: [Point]]
    /// By scheme, the value of C that held-out rows chose.
    package var choice: [Scheme: Choice]
    /// By scheme, the heads that the model gets.
    package var refit: [Scheme: Refit]
    /// By scheme, what those heads make of the test rows; nil, and no key, without test rows.
    package var test: [Scheme: Test]?
    /// The digests that two equal probes share.
    package var digests: Digests
    /// How long each phase took.
    package var timing: Timing
    /// What became of the heads.
    package var heads: HeadCounts
    /// Sentences about the data that a reader of the figures must know, for instance that rows stand on
    /// both sides of the hold-out.
    package var notes: [String]

    private enum CodingKeys: String, CodingKey {
        case data, path, choice, refit, test, digests, timing, heads, notes
        case gapTolerance = "gap_tolerance"
    }

    /// A report of these parts; sorts every path by C.
    package init(
        data: DataSummary, gapTolerance: Double, path: [Scheme: [Point]],
        choice: [Scheme: Choice], refit: [Scheme: Refit], test: [Scheme: Test]? = nil,
        digests: Digests, timing: Timing, heads: HeadCounts, notes: [String] = []
    ) {
        self.data = data
        self.gapTolerance = gapTolerance
        self.path = path.mapValues { $0.sorted { $0.c < $1.c } }
        self.choice = choice
        self.refit = refit
        self.test = test
        self.digests = digests
        self.timing = timing
        self.heads = heads
        self.notes = notes
    }

    /// The schemes that have a path, in the order of every list of schemes.
    package var schemes: [Scheme] { Scheme.allCases.filter { path[$0] != nil } }

    /// The schemes that were tested, likewise; one set of heads may be asked in several ways.
    package var testedSchemes: [Scheme] { Scheme.allCases.filter { test?[$0] != nil } }
}

extension ProbeReport {
    /// What a probe was trained on, chosen by and tested on.
    package struct DataSummary: Codable, Sendable, Equatable {
        /// Rows that the heads of the path are trained on; with folds, all that are in one.
        package var trainRows: Int
        /// Rows beside them that C is chosen by; nil with folds.
        package var validationRows: Int?
        /// Test rows; nil without any.
        package var testRows: Int?
        /// How many classes.
        package var classes: Int
        /// A name per class, in the order of the labels.
        package var classNames: [String]
        /// Features of a row.
        package var featureCount: Int
        /// Of the files' rows and labels, hexadecimal.
        package var sha256: String
        /// Folds of the training rows that C is chosen by; nil with validation rows.
        package var folds: Int?
        /// What is done to every row before a head reads it.
        package var normalize: Normalization.Kind

        private enum CodingKeys: String, CodingKey {
            case trainRows = "train_rows"
            case validationRows = "validation_rows"
            case testRows = "test_rows"
            case classes
            case classNames = "class_names"
            case featureCount = "feature_count"
            case sha256, folds, normalize
        }

        /// A summary of these figures.
        package init(
            trainRows: Int, validationRows: Int?, testRows: Int?, classes: Int,
            classNames: [String], featureCount: Int, sha256: String, folds: Int? = nil,
            normalize: Normalization.Kind = .none
        ) {
            self.trainRows = trainRows
            self.validationRows = validationRows
            self.testRows = testRows
            self.classes = classes
            self.classNames = classNames
            self.featureCount = featureCount
            self.sha256 = sha256
            self.folds = folds
            self.normalize = normalize
        }

        /// The class's name; its index where the list has none.
        package func name(of label: Int) -> String {
            classNames.indices.contains(label) ? classNames[label] : "\(label)"
        }
    }

    /// SHA-256 in hexadecimal.
    package struct Digests: Codable, Sendable, Equatable {
        /// Of the refitted heads of all schemes, in their order.
        package var heads: String
        /// Of what the test rows are predicted to be; nil without test rows.
        package var predictions: String?

        /// Digests of 64 hexadecimal digits each; not checked.
        package init(heads: String, predictions: String? = nil) {
            self.heads = heads
            self.predictions = predictions
        }
    }

    /// Seconds by phase, of the last start.
    package struct Timing: Codable, Sendable, Equatable {
        /// Reading the rows.
        package var data: Double
        /// Training the heads of the path and scoring held-out rows, until every scheme's penalty is chosen.
        package var path: Double
        /// From then on, training what heads of the model were not there yet.
        package var refit: Double
        /// Predicting the test rows.
        package var evaluate: Double
        /// From the start until the results are made; what no phase covers is in it too.
        package var total: Double

        /// Times of these phases.
        package init(
            data: Double = 0, path: Double = 0, refit: Double = 0,
            evaluate: Double = 0, total: Double = 0
        ) {
            self.data = data
            self.path = path
            self.refit = refit
            self.evaluate = evaluate
            self.total = total
        }

        /// The phases in their order and the total, by their keys.
        package var phases: [(name: String, seconds: Double)] {
            [
                ("data", data), ("path", path), ("refit", refit),
                ("evaluate", evaluate), ("total", total),
            ]
        }
    }

    /// What became of the heads, counted once for every value of C and every fold.
    package struct HeadCounts: Codable, Sendable, Equatable {
        /// Heads that the probe holds at its end, refitted ones too.
        package var trained: Int
        /// Those of them taken over from an earlier start.
        package var resumed: Int
        /// Those of them that are certified to be at their optimum.
        package var certified: Int
        /// Results that came again and were compared.
        package var duplicated: Int
        /// Results that failed a check.
        package var rejected: Int

        /// Counts of these values.
        package init(
            trained: Int, resumed: Int, certified: Int, duplicated: Int = 0, rejected: Int = 0
        ) {
            self.trained = trained
            self.resumed = resumed
            self.certified = certified
            self.duplicated = duplicated
            self.rejected = rejected
        }
    }
}
