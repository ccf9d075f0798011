import Decoding
import Heads
import Numerics
import Testing

// Goal: no table of pairs limits the classes. Method: pair classifiers made up on demand, all derived
// from one strength per class and row, so that every scheme has to find the strongest class.
@Suite struct ManyClassesTests {
    private struct DerivedPairs: LogitSource {
        let rowCount: Int
        let classCount: Int

        func strength(_ position: Int, _ row: Int) -> Float {
            let mixed = (position &* 7_919 &+ row &* 104_729) % 10_007
            return Float(mixed) / 1_000
        }

        func strongest(_ row: Int) -> Int {
            (0..<classCount).max { strength($0, row) < strength($1, row) } ?? -1
        }

        func classifier(of key: HeadKey) -> Int? {
            let members = key.classes.members
            return members.count == 2 ? members[1] * (members[1] - 1) / 2 + members[0] : nil
        }

        func fill(
            _ logits: inout [Float], classifiers: ArraySlice<Int>, rows: ArraySlice<Int32>
        ) {
            var target = 0
            for number in classifiers {
                var second = Int((2 * Double(number)).squareRoot())
                while second * (second - 1) / 2 > number { second -= 1 }
                while second * (second + 1) / 2 <= number { second += 1 }
                let first = number - second * (second - 1) / 2
                for position in [first, second] {
                    for (index, row) in rows.enumerated() {
                        logits[target + index] = strength(position, Int(row))
                    }
                    target += LogitBlock.rowCountMax
                }
            }
        }
    }

    @Test(.timeLimit(.minutes(4)))
    func pairsOfManyClassesAgree() throws {
        #if DEBUG
        let classCount = 40
        #else
        // 719,400 pairs, of which a table has 11 rows at a time.
        let classCount = 1_200
        #endif
        let source = DerivedPairs(rowCount: 25, classCount: classCount)
        let schemes: [Scheme] = [.softVote, .hardVote, .eliminationGraph]
        let decoder = try SchemeDecoder(schemes, classes: .all(classCount), heads: source)
        let expected = (0..<25).map(source.strongest)
        let together = try decoder.probabilities()
        for (scheme, found) in zip(schemes, together) {
            #expect(found.predictions == expected, "\(scheme)")
        }
        // Votes alone go without the table, in larger blocks.
        let votes = try SchemeDecoder([.softVote], classes: .all(classCount), heads: source)
        #expect(try votes.probabilities()[0] == together[0])
    }

    // Seconds, not minutes, for thousands of rows of hundreds of classes.
    @Test(.timeLimit(.minutes(4)))
    func couplingOfHundredsOfClassesFindsTheSoftmax() throws {
        #if DEBUG
        let classCount = 12
        #else
        let classCount = 242
        #endif
        let source = DerivedPairs(rowCount: 20, classCount: classCount)
        let decoder = try SchemeDecoder(
            [.pairwiseCoupling], classes: .all(classCount), heads: source)
        let found = try decoder.probabilities()[0]
        #expect(found.predictions == (0..<20).map(source.strongest))
        for row in 0..<20 {
            let powers = (0..<classCount).map { position in
                Double(
                    Float.reproducibleExponential(
                        source.strength(position, row)
                            - source.strength(source.strongest(row), row)))
            }
            let sum = powers.reduce(0, +)
            let worst = zip(found.row(row), powers).reduce(0) { max($0, abs($1.0 - $1.1 / sum)) }
            #expect(worst < 1e-6)
        }
    }

    @Test func moreClassesThanVotesHoldAreRefused() {
        let source = DerivedPairs(rowCount: 1, classCount: 3)
        for scheme in Scheme.overPairs {
            let error = #expect(throws: DecodingError.self) {
                try SchemeDecoder(
                    [scheme], classes: .all(SchemeDecoder.votingClassCountMax + 1), heads: source)
            }
            #expect(error?.code == .noClasses)
        }
    }
}
