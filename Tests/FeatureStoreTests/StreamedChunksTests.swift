import FeatureStore
import Numerics
import Synchronization
import Testing
import Transfer

/// Rows as if in a file: nothing is held, and values may change.
private final class ChangingRows: FeatureRows {
    let rowCount: Int
    let columnCount: Int
    let name = "rows.npy"
    var held: Matrix? { nil }
    let matrix: Mutex<Matrix>

    init(_ matrix: Matrix) {
        rowCount = matrix.rowCount
        columnCount = matrix.columnCount
        self.matrix = Mutex(matrix)
    }

    func copy(_ rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>) {
        matrix.withLock { unsafe $0.copy(rows, into: target) }
    }
}

extension StreamedChunks {
    fileprivate func bytes(_ index: Int) throws -> [UInt8] {
        try unsafe lend(chunk: index) { bytes, _ in unsafe [UInt8](bytes) }
    }
}

/// Features in a file: the same chunks as of a table, made when they are sent.
@Suite(.timeLimit(.minutes(4))) struct StreamedChunksTests {
    /// Rows whose classes come in no order.
    ///
    /// - Parameter zeroShare: of 8 features, how many are zero.
    private static func sample(
        rowCount: Int, columnCount: Int, classCount: Int, zeroShare: Int
    ) -> (matrix: Matrix, labels: [Int]) {
        let values = (0..<rowCount * columnCount).map { index in
            index * 7 % 8 < zeroShare ? 0 : Float(index % 9_973) - 4_000.25
        }
        return (
            Matrix(rowCount: rowCount, columnCount: columnCount, values: values),
            (0..<rowCount).map { ($0 * 104_729 + $0 / 3) % classCount }
        )
    }

    // Chunks of 400 bytes are ten rows: classes of 9, 10, 11 and more of them.
    @Test(arguments: [27, 30, 33, 200], [0, 1, 2, 8])
    func areThoseOfATable(rowCount: Int, zeroShare: Int) throws {
        let (matrix, labels) = Self.sample(
            rowCount: rowCount, columnCount: 10, classCount: 3, zeroShare: zeroShare)
        let weights = (0..<rowCount).map { Float($0 % 4) / 3 }
        let table = FeatureChunks.init
        for (limit, weights) in [
            (nil, nil), (400, nil), (40, nil), (nil, weights), (400, weights),
        ] as [(Int?, [Float]?)] {
            let held = try table(
                FeatureTable(grouping: matrix, labels: labels, classCount: 4, weights: weights),
                limit)
            let streamed = try StreamedChunks(
                ChangingRows(matrix),
                RowGrouping(labels: labels, classCount: 4, weights: weights),
                chunkByteCountMax: limit)
            #expect(streamed.classWeightSums == held.classWeightSums)
            #expect(streamed.manifest == held.manifest)
            #expect(streamed.shape == held.shape)
            for index in held.manifest.chunks.indices {
                #expect(try streamed.bytes(index) == held.bytes(index))
            }
            // All chunks' rows, one after the other, are the table's.
            let tables = try held.manifest.chunks.indices.filter {
                held.manifest.chunks[$0].part < 4
            }.map { try streamed.table(ofChunk: $0) }
            #expect(tables.flatMap(\.values) == held.table.values)
            #expect(tables.flatMap(\.weights) == held.table.weights)
        }
    }

    @Test func rowsOfSomeClassesAreReadForTheReferee() throws {
        let (matrix, labels) = Self.sample(
            rowCount: 50, columnCount: 4, classCount: 5, zeroShare: 0)
        let streamed = try StreamedChunks(
            ChangingRows(matrix), RowGrouping(labels: labels, classCount: 5))
        let table = try streamed.table(of: [3, 1])
        #expect(table.isHeld == [false, true, false, true, false])
        let all = FeatureTable(grouping: matrix, labels: labels, classCount: 5)
        let expected = [1, 3].flatMap {
            all.values[all.classRowOffsets[$0] * 4..<all.classRowOffsets[$0 + 1] * 4]
        }
        #expect(table.values == expected)
        #expect(try streamed.sample(byteCountMax: 1 << 20, seed: 0).values == all.values)
        #expect((16...20).contains(try streamed.sample(byteCountMax: 320, seed: 0).rowCount))
        // Weights stay with their rows: here they are the rows' first values.
        let first = (0..<50).map { matrix[$0, 0] + 5_000 }
        let weighted = try StreamedChunks(
            ChangingRows(matrix), RowGrouping(labels: labels, classCount: 5, weights: first))
        for part in [
            try weighted.table(of: [3, 1]), try weighted.sample(byteCountMax: 320, seed: 0),
        ] {
            #expect(part.weights == (0..<part.rowCount).map { part.values[$0 * 4] + 5_000 })
        }
    }

    @Test(arguments: [0, 4]) func aFileThatChangesIsFoundOut(zeroShare: Int) throws {
        let (matrix, labels) = Self.sample(
            rowCount: 60, columnCount: 10, classCount: 3, zeroShare: zeroShare)
        let rows = ChangingRows(matrix)
        let streamed = try StreamedChunks(
            rows, RowGrouping(labels: labels, classCount: 3), chunkByteCountMax: 400)
        // A value, and a zero in the place of one: then the code has another length.
        for value in [Float(1), 0] {
            rows.matrix.withLock {
                $0 = matrix
                $0[17, 2] = value
                $0[17, 3] = value
            }
            var refused = 0
            for index in streamed.manifest.chunks.indices {
                do {
                    _ = try streamed.table(ofChunk: index)
                } catch let error as TransferError {
                    refused += 1
                    #expect(error.code == .changed)
                    #expect(error.message.contains("rows.npy"))
                }
            }
            #expect(refused == 1)
        }
        rows.matrix.withLock { $0 = matrix }
        for index in streamed.manifest.chunks.indices { _ = try streamed.bytes(index) }
    }

    @Test func whatIsLentIsBoundedAndShared() throws {
        // Chunks of 1 MiB.
        let matrix = Matrix(
            rowCount: 60, columnCount: 1 << 18, values: [Float](repeating: 1, count: 60 << 18))
        let streamed = try StreamedChunks(
            matrix, RowGrouping(labels: (0..<60).map { $0 % 2 }, classCount: 2),
            chunkByteCountMax: 1 << 20)
        var keepers: [FloatBuffer] = []
        while !streamed.isExhausted, keepers.count < 60 {
            try unsafe streamed.lend(chunk: keepers.count) { _, keeper in
                if let keeper { keepers.append(keeper) }
            }
        }
        try unsafe streamed.lend(chunk: 3) { _, keeper in #expect(keeper === keepers[3]) }
        #expect(keepers.count == 48)
        keepers = []
        #expect(!streamed.isExhausted)
    }

    @Test func whatIsNotFiniteAndCancellationEndIt() throws {
        var matrix = Matrix(rowCount: 4, columnCount: 2)
        matrix[3, 1] = .infinity
        let grouping = RowGrouping(labels: [0, 1, 0, 1], classCount: 2)
        let error = #expect(throws: TransferError.self) {
            try StreamedChunks(matrix, grouping)
        }
        #expect(error?.code == .notFinite)
        #expect(throws: CancellationError.self) {
            try StreamedChunks(Matrix(rowCount: 4, columnCount: 2), grouping) { index, count in
                #expect(count == 2)
                if index == 1 { throw CancellationError() }
            }
        }
    }
}
