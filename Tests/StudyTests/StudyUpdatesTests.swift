import Decoding
import Study
import Testing

@Suite struct StudyUpdatesTests {
    private func updates(_ rowCounts: [Int]) -> StudyUpdates {
        StudyUpdates(StudySettings(scope: .full), rowCounts: rowCounts)
    }

    /// Every set of classes, one after the other.
    private func oracle(_ rowCounts: [Int]) -> Double {
        var counts: [Double] = []
        for set in 1..<1 << rowCounts.count where set.nonzeroBitCount > 1 {
            let rows = rowCounts.indices.reduce(0) { $0 + (set >> $1 & 1) * rowCounts[$1] }
            counts.append(Double((rows + 127) / 128) * 20)
        }
        return counts.reduce(0, +) / Double(counts.count)
    }

    @Test(arguments: [
        [100, 28], [1, 127, 128], [900, 40, 3, 0, 77], Array(repeating: 61, count: 12),
    ])
    func subsetsAreCountedAsOneByOne(rowCounts: [Int]) {
        let tree = updates(rowCounts).count(of: .treeElimination, arm: .heads(.frozen))
        #expect(tree == oracle(rowCounts))
    }

    @Test func pairsHaveNoLimit() {
        // Any two of 1,000 classes have 200 rows: two minibatches in each of 20 epochs.
        let many = updates(Array(repeating: 100, count: 1_000))
        #expect(many.pair == 40)
        #expect(many.count(of: .softVote, arm: .heads(.zero)) == 40)
        #expect(many.count(of: .treeElimination, arm: .heads(.zero)) == nil)
        #expect(updates([100]).pair == nil)
    }

    @Test func moreThanSixteenClassesAreCounted() {
        // 17 classes of one row: every set fits one minibatch.
        let one = updates(Array(repeating: 1, count: 17))
        #expect(one.count(of: .treeElimination, arm: .heads(.frozen)) == 20)
    }

    @Test func whatNoUpdatesLeadToHasNone() {
        let rows = updates([300, 300])
        #expect(rows.count(of: .softVote, arm: .heads(.converged)) == nil)
        #expect(rows.count(of: .oneVsAll, arm: .backbone) == 60.0)
        #expect(rows.count(of: .oneVsAllEqualSteps, arm: .backbone) == 160.0)
        #expect(rows.count(of: .oneVsAllRefit, arm: .heads(.frozen)) == 100.0)
    }
}
