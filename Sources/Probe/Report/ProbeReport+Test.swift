package import Decoding

extension ProbeReport {
    /// How a scheme predicts the test rows; a file has all figures on one level.
    package struct Test: Codable, Sendable, Equatable {
        /// What is asked of all rows.
        package let scores: Scores
        /// By class, its test rows.
        package let classRows: [Int]
        /// By class, those predicted right; as many numbers as ``classRows`` has.
        package let classCorrect: [Int]

        private enum CodingKeys: String, CodingKey {
            case recall
            case classRows = "class_rows"
            case classCorrect = "class_correct"
            case balancedAccuracy = "balanced_accuracy"
        }

        /// How rows are predicted; traps unless every class has both numbers.
        package init(scores: Scores, classRows: [Int], classCorrect: [Int]) {
            precondition(classRows.count == classCorrect.count)
            self.scores = scores
            self.classRows = classRows
            self.classCorrect = classCorrect
        }

        /// How rows are predicted, of what schemes are evaluated with.
        package init(_ metrics: ProbabilityMetrics) {
            let counts = metrics.evaluation.classCounts
            self.init(
                scores: Scores(metrics), classRows: counts.map(\.all),
                classCorrect: counts.map(\.correct))
        }

        /// For each class the share of its test rows predicted right; nil for a class without any.
        package var recall: [Double?] {
            zip(classRows, classCorrect).map { $0 == 0 ? nil : Double($1) / Double($0) }
        }

        /// The mean recall of the classes that have test rows; nil if none has.
        package var balancedAccuracy: Double? {
            let known = recall.compactMap(\.self)
            return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
        }

        /// The classes that lose some of their rows, the lowest recall first, of equal ones the larger
        /// class, then the lower label; at most so many.
        package func worstClasses(_ count: Int) -> [Int] {
            let recall = recall
            let losing = recall.indices.filter { (recall[$0] ?? 1) < 1 }
            let sorted = losing.sorted {
                let (first, second) = (recall[$0] ?? 1, recall[$1] ?? 1)
                return first == second
                    ? (classRows[$1], $0) < (classRows[$0], $1) : first < second
            }
            return Array(sorted.prefix(count))
        }

        /// Reads what ``encode(to:)`` writes; recall follows from the counts.
        package init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            scores = try Scores(from: decoder)
            classRows = try values.decode([Int].self, forKey: .classRows)
            classCorrect = try values.decode([Int].self, forKey: .classCorrect)
            guard classRows.count == classCorrect.count else {
                throw Swift.DecodingError.dataCorruptedError(
                    forKey: .classCorrect, in: values,
                    debugDescription: "not as many numbers as there are classes")
            }
        }

        /// Writes counts and scores on one level, and what follows from them.
        package func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(classRows, forKey: .classRows)
            try values.encode(classCorrect, forKey: .classCorrect)
            try values.encode(recall, forKey: .recall)
            try values.encodeIfPresent(balancedAccuracy, forKey: .balancedAccuracy)
            try scores.encode(to: encoder)
        }
    }
}
