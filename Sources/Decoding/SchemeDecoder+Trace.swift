/// A class and what a head, or a scheme, gives it.
package struct ClassChoice: Sendable, Equatable {
    /// The class.
    package let classIndex: Int
    /// From 0 to 1.
    package let probability: Double

    /// A class of this probability.
    package init(classIndex: Int, probability: Double) {
        self.classIndex = classIndex
        self.probability = probability
    }
}

/// One question of tree elimination and its answer.
package struct EliminationStep: Sendable, Equatable {
    /// The classes left and what their head gives each, the most probable first.
    package let choices: [ClassChoice]
    /// How many of them were dropped, from the end; at the last step all but one.
    package let droppedCount: Int

    /// The classes that go, the most probable of them first.
    package var dropped: ArraySlice<ClassChoice> { choices.suffix(droppedCount) }

    /// A step of these choices.
    package init(choices: [ClassChoice], droppedCount: Int) {
        self.choices = choices
        self.droppedCount = droppedCount
    }
}

/// What the head of two classes says.
package struct PairAnswer: Sendable, Equatable {
    /// The likelier class; of equally likely ones the lower.
    package let winner: Int
    /// The other class.
    package let loser: Int
    /// How likely the loser is, in units of the winner: from 0 to 1.
    package let odds: Double

    /// The probability of the winner, from a half to 1.
    package var probability: Double { 1 / (1 + odds) }

    /// An answer of these odds.
    package init(winner: Int, loser: Int, odds: Double) {
        self.winner = winner
        self.loser = loser
        self.odds = odds
    }

    /// The answer of a pair whose odds are negative where its higher class wins, minus zero too.
    init(lower: Int, higher: Int, signedOdds: Float) {
        let lowerWins = signedOdds.sign == .plus
        self.init(
            winner: lowerWins ? lower : higher, loser: lowerWins ? higher : lower,
            odds: Double(signedOdds.magnitude))
    }
}

// What was asked and answered about one row, for a person to read. The numbers are those by which the
// schemes decide, out of the same kernels and loops.
extension SchemeDecoder {
    /// The logits of one row under the classifier over all classes that a scheme asks, or the scores of its
    /// classes against the rest, in the order of the classes; nil for a scheme that asks neither, or is not
    /// decoded here.
    package func logits(of scheme: Scheme, row: Int) -> [Float]? {
        softmax(of: scheme, row: row).map { softmax in
            members.indices.map { softmax.logits[$0 * LogitBlock.rowCountMax] }
        }
    }

    /// The classes that one-vs-all lists for one row, and what their pairs say; nil where the shortlist is
    /// not decoded.
    package func shortlistAnswers(row: Int) -> (listed: [ClassChoice], answers: [PairAnswer])? {
        guard let softmax = softmax(of: .shortlist, row: row) else { return nil }
        var decoder = ShortlistDecoder(
            members: members, pairs: pairs, count: Scheme.shortlistClassCount)
        let (listed, answers) = decoder.answers(softmax, [Int32(row)], heads)
        let first = softmax.probabilities(members, rowCount: 1)
        let choices = zip(members, first.row(0)).filter { listed.contains($0.0) }
            .map { ClassChoice(classIndex: $0, probability: $1) }
            .sorted { ($1.probability, $0.classIndex) < ($0.probability, $1.classIndex) }
        return (choices, answers)
    }

    private func softmax(of scheme: Scheme, row: Int) -> SoftmaxKernel? {
        var softmax = SoftmaxKernel(classCount: members.count)
        return read([Int32(row)], of: scheme, into: &softmax) ? softmax : nil
    }

    /// What every pair says of one row; empty where no scheme over pairs is decoded.
    package func pairAnswers(row: Int) -> [PairAnswer] { pairDecoder(row)?.answers(0) ?? [] }

    /// What the pairs say of one row that the DAG asks, in the order in which it asks them; empty where
    /// no scheme over pairs is decoded.
    package func pathAnswers(row: Int) -> [PairAnswer] { pairDecoder(row)?.path(0) ?? [] }

    private func pairDecoder(_ row: Int) -> PairDecoder? {
        guard !pairs.isEmpty else { return nil }
        var decoder = PairDecoder([.eliminationGraph], members: members, classifiers: pairs)
        decoder.read([Int32(row)], heads)
        return decoder
    }
}
