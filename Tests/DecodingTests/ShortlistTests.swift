import Decoding
import Heads
import LogitKernels
import Numerics
import Testing

// Goal: the shortlist is one-vs-all's first ten classes and their pairs, coupled. Method: a dumb second
// implementation, row by row; ties; and the rows that it cannot change.
@Suite struct ShortlistTests {
    /// Random pairs and the head over all classes; with `ties`, small whole logits.
    private func bank(_ classCount: Int, seed: UInt64, ties: Bool) throws -> HeadBank {
        func rounded(_ values: [Float]) -> [Float] {
            ties ? values.map { ($0 * 1.4).rounded() } : values
        }
        let plan = HeadPlan(.pairs, classCount: classCount, withAllClasses: true)
        return try HeadBank(
            plan.heads.enumerated().map { index, key in
                let count = key.classes.count
                let start = seed + 2 * UInt64(index)
                return Head(
                    classes: key.classes,
                    weights: Matrix(
                        rowCount: count, columnCount: 6,
                        values: rounded(randomValues(count * 6, seed: start))),
                    biases: rounded(randomValues(count, seed: start + 1)))
            })
    }

    private func features(_ rowCount: Int, ties: Bool) -> Matrix {
        var features = randomMatrix(rowCount, 6, seed: 77)
        if ties { features.values = features.values.map { ($0 * 1.2).rounded() } }
        return features
    }

    @Test(arguments: [2, 10, 11, 12, 25], [false, true])
    func agreesWithADumbOne(classCount: Int, ties: Bool) throws {
        let bank = try bank(classCount, seed: 5_000, ties: ties)
        let features = features(131, ties: ties)
        let found = try bank.probabilities(
            .shortlist, classes: .all(classCount), features)
        let whole = try bank.probabilities(.oneVsAll, classes: .all(classCount), features)
        let logits = try bank.head(over: .all(classCount)).logits(features)
        for row in 0..<131 {
            // By falling logit; the sort is stable for equal ones only with the position beside them.
            let list = (0..<classCount).sorted {
                (logits[row, $1], $0) < (logits[row, $0], $1)
            }.prefix(10).sorted()
            let alone = Matrix(rowCount: 1, columnCount: 6, values: Array(features.row(row)))
            let coupled = try bank.probabilities(
                .pairwiseCoupling, classes: ClassSet(list), alone)
            var expected = Array(whole.row(row))
            let together =
                classCount <= 10 ? 1 : list.reduce(0) { $0 + expected[$1] }
            for (place, position) in list.enumerated() {
                expected[position] = together * coupled.row(0)[place]
            }
            #expect(Array(found.row(row)) == expected, "row \(row)")
            let winner = list[coupled.row(0).firstIndex(of: coupled.row(0).max() ?? .nan) ?? -1]
            #expect(found.predictions[row] == winner)
            let top = found.row(row).max() ?? .nan
            #expect(found.row(row).firstIndex(of: top) == row * classCount + winner)
            #expect(abs(found.row(row).reduce(0, +) - 1) < 1e-12)
        }
    }

    @Test func allEqualIsTheLowestClass() throws {
        let plan = HeadPlan(.pairs, classCount: 30, withAllClasses: true)
        let flat = try HeadBank(
            plan.heads.map { key in
                constantHead(
                    key.classes.members, [Float](repeating: 0.5, count: key.classes.count))
            })
        let row = Matrix(rowCount: 1, columnCount: 1)
        for scheme in Scheme.overPairs + [.oneVsAll, .shortlist] {
            #expect(
                try flat.predictions(scheme, classes: .all(30), row) == [0], "\(scheme)")
        }
    }

    @Test(arguments: [3, 12, 40])
    func everySchemeOfManyClassesPredictsItsArgmaxAloneAsInItsBatch(classCount: Int) throws {
        for ties in [false, true] {
            let bank = try bank(classCount, seed: 9_000, ties: ties)
            let features = features(67, ties: ties)
            let source = try HeadLogits(bank, features)
            let schemes = Scheme.overPairs + [.oneVsAllRefit, .shortlist]
            let decoder = try SchemeDecoder(schemes, classes: .all(classCount), heads: source)
            let together = try decoder.probabilities()
            var room = decoder.room()
            for row in 0..<67 {
                let alone = Matrix(rowCount: 1, columnCount: 6, values: Array(features.row(row)))
                let one = decoder.asking(try HeadLogits(PreparedHeads(bank), alone))
                try one.forEachBlock(of: 0..<1, in: &room) {
                    scheme, rows, found throws(DecodingError) in
                    let batch = together[schemes.firstIndex(of: scheme) ?? 0]
                    #expect(rows == 0..<1)
                    #expect(found.values == Array(batch.row(row)), "\(scheme) row \(row)")
                    let top = found.values.max() ?? .nan
                    #expect(found.predictions == [found.values.firstIndex(of: top) ?? -1])
                }
            }
        }
    }
}
