import Numerics
import Testing

/// Rows that are read some at a time, and their order by class.
@Suite(.timeLimit(.minutes(4))) struct FeatureRowsTests {
    private static func matrix(rowCount: Int, from first: Int = 0) -> Matrix {
        Matrix(
            rowCount: rowCount, columnCount: 3,
            values: (0..<rowCount * 3).map { Float(first + $0) })
    }

    private static func copy(_ rows: any FeatureRows, _ numbers: [UInt32]) throws -> [Float] {
        let buffer = FloatBuffer(count: numbers.count * rows.columnCount)
        try unsafe buffer.withUnsafeMutableBufferPointer {
            try unsafe rows.copy(numbers[...], into: $0)
        }
        return unsafe buffer.withUnsafeBufferPointer { unsafe Array($0) }
    }

    @Test func joinedRowsAreOneTable() throws {
        let whole = Self.matrix(rowCount: 7)
        let joined = JoinedRows([
            Self.matrix(rowCount: 2), Matrix(rowCount: 0, columnCount: 3),
            Self.matrix(rowCount: 4, from: 6), Self.matrix(rowCount: 1, from: 18),
        ])
        #expect(joined.rowCount == 7)
        #expect(try joined.matrix() == whole)
        #expect(try joined.matrix(of: 1..<3).values == Array(whole.values[3..<9]))
        let numbers: [UInt32] = [6, 0, 1, 2, 5, 5]
        #expect(try Self.copy(joined, numbers) == Self.copy(whole, numbers))
    }

    @Test func someRowsAreATableOfTheirOwn() throws {
        let whole = Self.matrix(rowCount: 7)
        let joined = JoinedRows([Self.matrix(rowCount: 3), Self.matrix(rowCount: 4, from: 9)])
        #expect(joined.selecting(Array(0..<7)) is JoinedRows)
        for chosen in [[5], [6, 0, 3, 4], []] {
            let rows = joined.selecting(chosen)
            #expect(rows.held == nil && rows.rowCount == chosen.count)
            let expected = whole.selecting(chosen)
            #expect(try rows.matrix() == expected)
            #expect(try rows.held(upTo: rows.byteCount).held == expected)
            #expect(try rows.byteCount == 0 || rows.held(upTo: rows.byteCount - 1).held == nil)
            let numbers = (0..<UInt32(chosen.count)).reversed()
            #expect(try Self.copy(rows, Array(numbers)) == Self.copy(expected, Array(numbers)))
        }
    }

    @Test func changedRowsAreChangedOnTheWay() throws {
        let matrix = Self.matrix(rowCount: 4)
        for base in [matrix, JoinedRows([matrix])] as [any FeatureRows] {
            let rows = base.changed { row in
                let first = row[0]
                for index in row.indices { row[index] -= first }
            }
            #expect((rows.held == nil) == (base.held == nil))
            #expect(try rows.matrix().values == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2])
            #expect(try Self.copy(rows, [3, 1]) == [0, 1, 2, 0, 1, 2])
        }
    }

    // A block is 1 MiB: one row less than fills two of them, as many, and one more.
    @Test(arguments: [2 * 1_024 - 1, 2 * 1_024, 2 * 1_024 + 1])
    func blocksAreAllRowsInOrder(rowCount: Int) throws {
        let width = 256
        let whole = Matrix(
            rowCount: rowCount, columnCount: width,
            values: (0..<rowCount * width).map { Float($0 % 65_536) })
        // What is not in memory comes in blocks.
        let rows = JoinedRows([whole])
        var read: [Float] = []
        var blocks: [Range<Int>] = []
        try unsafe rows.forEachBlock { block, values in
            blocks.append(block)
            unsafe read.append(contentsOf: values)
        }
        #expect(read == whole.values)
        #expect(blocks.count == (rowCount > 2_048 ? 3 : 2))
        #expect(zip(blocks, blocks.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
    }

    @Test func aGroupingIsTheOrderOfATable() throws {
        let matrix = Self.matrix(rowCount: 6)
        let labels = [2, 0, 2, 1, 0, 2]
        let grouping = RowGrouping(labels: labels, classCount: 4, classKeys: [7, 8, 9, 5])
        #expect(grouping.rows == [1, 4, 3, 0, 2, 5])
        #expect(grouping.classRowCounts == [2, 1, 3, 0])
        #expect(grouping.classRowOffsets == [0, 2, 3, 6, 6])
        #expect(Array(grouping.rows(of: 2)) == [0, 2, 5])
        let table = FeatureTable(
            grouping: matrix, labels: labels, classCount: 4, classKeys: [7, 8, 9, 5])
        let read = try FeatureTable(grouping, of: JoinedRows([matrix]))
        #expect(read.classRowCounts == table.classRowCounts)
        #expect(read.classKeys == table.classKeys)
        #expect(
            unsafe read.features.withUnsafeBufferPointer { unsafe Array($0) }
                == table.features.withUnsafeBufferPointer { unsafe Array($0) })
        #expect(grouping.restricted(to: [2, 0]).rows == [1, 4, 0, 2, 5])
    }

    @Test func aSampleHasTheSameShareOfEveryClass() {
        let counts = [1_000, 1, 3, 0, 500]
        let labels = counts.enumerated().flatMap { [Int](repeating: $0, count: $1) }.reversed()
        let grouping = RowGrouping(labels: Array(labels), classCount: 5)
        let sample = grouping.sample(rowCountMax: 300, seed: 1)
        #expect(sample.classRowCounts == [199, 1, 2, 0, 99])
        #expect(Set(sample.rows).count == sample.rows.count)
        for label in counts.indices {
            #expect(Set(sample.rows(of: label)).isSubset(of: grouping.rows(of: label)))
            #expect(sample.rows(of: label).elementsEqual(sample.rows(of: label).sorted()))
        }
        // Those with the lowest keys, the plain way.
        let keys = (0..<500).map {
            Philox.key(seed: 1, purpose: .crossValidation, row: $0, ofClass: 4, 1)
        }
        let lowest = keys.indices.sorted { keys[$0] < keys[$1] }.prefix(99)
        #expect(
            Set(sample.rows(of: 4))
                == Set(lowest.map { grouping.rows[grouping.classRowOffsets[4] + $0] }))
        #expect(grouping.sample(rowCountMax: 300, seed: 2) != sample)
        #expect(grouping.sample(rowCountMax: 1_504, seed: 1) == grouping)
    }
}
