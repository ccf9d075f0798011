import Formats
import Numerics
import TestSupport
import Testing

/// Arrays that stay in their files.
@Suite(.timeLimit(.minutes(4))) struct NPYRowsTests {
    private static let descriptions = ["<f4", ">f4", "<f8", "<f2", "<i2", ">i4", "|u1", "|b1"]

    /// Rows of 300 values that a byte holds, in the type asked for.
    private static func bytes(_ descr: String, rowCount: Int) -> [UInt8] {
        (0..<rowCount * 300).flatMap { index -> [UInt8] in
            let value = descr.contains("b") ? index % 2 : index * 31 % 251
            let bits: (value: UInt64, byteCount: Int) =
                switch descr.dropFirst() {
                case "f2": (UInt64(Float16(value).bitPattern), 2)
                case "f4": (UInt64(Float(value).bitPattern), 4)
                case "f8": (Double(value).bitPattern, 8)
                case "i2": (UInt64(value), 2)
                case "i4": (UInt64(value), 4)
                default: (UInt64(value), 1)
                }
            let little = (0..<bits.byteCount).map {
                UInt8(truncatingIfNeeded: bits.value >> (8 * $0))
            }
            return descr.hasPrefix(">") ? little.reversed() : little
        }
    }

    private static func copied(_ rows: NPYRows, _ numbers: [UInt32]) throws -> [Float] {
        let buffer = FloatBuffer(count: numbers.count * rows.columnCount)
        try unsafe buffer.withUnsafeMutableBufferPointer {
            try unsafe rows.copy(numbers[...], into: $0)
        }
        return unsafe buffer.withUnsafeBufferPointer { unsafe Array($0) }
    }

    @Test(arguments: descriptions) func areWhatAMatrixHolds(descr: String) throws {
        let rowCount = 2_001
        let data = Self.bytes(descr, rowCount: rowCount)
        var array = try Samples.array(descr, "\(rowCount), 300", data)
        let inPlace = array.rowsInPlace
        let rows = try #require(inPlace)
        let matrix = try array.matrix()
        #expect(rows.rowCount == rowCount && rows.columnCount == 300)
        #expect(try rows.matrix() == matrix)
        #expect(try rows.matrix(of: 7..<7).values.isEmpty)
        #expect(try rows.matrix(of: 2_000..<2_001).values == Array(matrix.row(2_000)))
        // Neighbours, small and large gaps, steps back, the same twice, and a long stretch.
        let numbers: [UInt32] =
            [5, 6, 7, 9, 12, 40, 1_900, 3, 3, 2, 2_000] + (1..<1_990).map { UInt32($0) }
            + stride(from: UInt32(0), to: 2_001, by: 2)
        #expect(
            try Self.copied(rows, numbers) == numbers.flatMap { Array(matrix.row(Int($0))) })
    }

    @Test(arguments: ["<f4", ">f4", "<f8", "<f2"])
    func whatIsNotFiniteIsNamed(descr: String) throws {
        let size = Int(descr.dropFirst(2)) ?? 0
        // Beyond the first block.
        let place = 1_999 * 300 + 17
        var data = Self.bytes(descr, rowCount: 2_001)
        for index in 0..<size { data[place * size + index] = 0xFF }
        let array = try Samples.array(descr, "2001, 300", data)
        let inPlace = array.rowsInPlace
        let rows = try #require(inPlace)
        let error = #expect(throws: FormatError.self) { try rows.checkedSHA256() }
        #expect(error?.message.contains("row 1999, column 17") == true)
    }

    @Test func theDigestIsThatOfTheWholeFile() throws {
        let folder = try TemporaryDirectory()
        let matrix = Matrix(
            rowCount: 1_500, columnCount: 211, values: (0..<1_500 * 211).map { Float($0) })
        try NPY.write(matrix, to: folder.path("x.npy"))
        let source = try ByteSource(folder.path("x.npy"))
        let array = try NPYReader(ByteReader(source))
        let inPlace = array.rowsInPlace
        let rows = try #require(inPlace)
        #expect(try rows.checkedSHA256() == source.sha256())
        // Rows of a file are written as those of a matrix are.
        try NPY.write(rows, to: folder.path("again.npy"))
        #expect(try ByteSource(folder.path("again.npy")).sha256() == source.sha256())
    }

    @Test(arguments: ["Cu", "CuF"]) func onlyRowsThatLieTogetherStay(name: String) throws {
        let array = try Samples.array(name)
        let isInPlace = array.rowsInPlace != nil
        #expect(isInPlace == (name == "Cu"))
    }
}
