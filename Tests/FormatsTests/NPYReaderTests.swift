import Formats
import Numerics
import TestSupport
import Testing

/// Arrays of all types, as NumPy writes them.
@Suite struct NPYReaderTests {
    private static let numbers = [
        "n<f2", "n>f2", "n<f4", "n>f4", "n<f8", "n>f8", "n|i1", "n<i2", "n>i2", "n<i4", "n>i4",
        "n<i8", "n>i8", "n|u1", "n<u2", "n>u2", "n<u4", "n>u4", "n<u8", "n>u8", "F", "v2", "v3",
    ]

    @Test(arguments: numbers) func readsNumbersOfEveryType(name: String) throws {
        var array = try Samples.array(name)
        #expect(
            try array.matrix() == Matrix(rowCount: 2, columnCount: 3, values: [1, 2, 3, 4, 5, 6]))
    }

    @Test func readsTruthValues() throws {
        var array = try Samples.array("b")
        #expect(try array.matrix().values == [0, 1, 0, 1, 0, 1])
    }

    @Test(arguments: ["Cu", "CuF"]) func readsAnyOrderOfAxes(name: String) throws {
        #expect(try Samples.array(name).header.isFortranOrder == (name == "CuF"))
        #expect(try pixels(Samples.array(name), [0, 1, 2]) == Array(0..<24))
        // [2, 3, 4] with the last axis before the middle one.
        #expect(
            try pixels(Samples.array(name), [0, 2, 1]) == [
                0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11, 12, 16, 20, 13, 17, 21, 14, 18, 22, 15, 19,
                23,
            ])
        var array = try Samples.array(name)
        #expect(try array.matrix().columnCount == 12)
    }

    @Test func readsBfloat16WhereItIsSaid() throws {
        let bytes = Samples.bytes("bf16")
        var array = try NPYReader(
            ByteReader(ByteSource(bytes, name: "x.npy")), readsBfloat16: true)
        #expect(try array.matrix().values == [1, 2, 3, 4, 5, 6])
    }

    /// Rows in pieces of any size are the rows at once, in every order and however they are packed.
    @Test(arguments: ["<f4", ">f8", "|u1"], ["False", "True"])
    func piecesAreTheWhole(descr: String, order: String) throws {
        let (rows, columns) = (5_003, 19)
        var values = [Float](repeating: 0, count: rows * columns)
        var data: [UInt8] = []
        for index in 0..<rows * columns {
            let place =
                order == "True" ? (index % rows) * columns + index / rows : index
            let value = index * 7 % 251
            values[place] = Float(value)
            switch descr {
            case "<f4": data += littleEndian(UInt64(Float(value).bitPattern), 4)
            case ">f8": data += littleEndian(Double(value).bitPattern, 8).reversed()
            default: data.append(UInt8(value))
            }
        }
        let whole = Samples.file(descr, "\(rows), \(columns)", data, order: order)
        for bytes in [whole, gzip(whole)] {
            for count in [1_000, 4_097, rows] {
                var array = try Samples.array(bytes, "x.npy")
                var read: [Float] = []
                while true {
                    let piece: [Float] = unsafe try RowMemory.next(min(count, rows), columns) {
                        (target) throws(FormatError) in unsafe try array.read(into: target)
                    }
                    if piece.isEmpty { break }
                    #expect(piece.count <= count * columns)
                    read += piece
                }
                #expect(read == values, "\(descr) \(order) \(count)")
            }
        }
    }

    private func littleEndian(_ bits: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
    }

    // Blocks end anywhere: a slow second way to every place.
    @Test(arguments: ["False", "True"]) func readsArraysLargerThanABlock(order: String) throws {
        let (rows, columns) = (401, 173)
        var data: [UInt8] = []
        for index in 0..<rows * columns {
            let place =
                order == "True"
                ? (index % rows) * columns + index / rows : index
            data += littleEndian(Double(place).bitPattern, 8)
        }
        var array = try Samples.array("<f8", "\(rows), \(columns)", data, order: order)
        #expect(try array.matrix().values == (0..<rows * columns).map { Float($0) })
    }

    @Test func readsExtremesOfIntegers() throws {
        var array = try Samples.array("|i1", "1, 2", [0x80, 0x7F])
        #expect(try array.matrix().values == [-128, 127])
        array = try Samples.array("<u8", "1, 1", [UInt8](repeating: 0xFF, count: 8))
        #expect(try array.matrix().values == [18_446_744_073_709_551_616])
        array = try Samples.array("=i2", "1, 1", [0xFE, 0xFF])
        #expect(try array.matrix().values == [-2])
    }

    private func refusal(_ make: () throws -> Void) -> String {
        let error = #expect(throws: FormatError.self) { try make() }
        #expect(error?.code == .malformed)
        return error?.message ?? ""
    }

    @Test(arguments: [
        ("O", "np.array(y, dtype=str)"), ("bf16", "bfloat16"), ("bf16", "astype(np.float32)"),
        ("c8", "unknown dtype <c8"), ("rec", "named fields"), ("dt", "unknown dtype"),
    ])
    func refusesOtherTypesWithACure(name: String, part: String) {
        let message = refusal { _ = try Samples.array(name) }
        #expect(message.hasPrefix(name + ": "))
        #expect(message.contains(part), "\(message)")
    }

    @Test(arguments: [
        "<f3", "<i3", "<f16", "|f4", "<U0", "<U99999999999", "f4", "<", "", "<b4", "|U1", "<V4",
        "<O8",
        "<T16",
    ])
    func refusesTypesThatAreNone(descr: String) {
        let message = refusal { _ = try Samples.array(descr, "1, 1", [0, 0, 0, 0]) }
        #expect(message.contains("save"), "\(message)")
    }

    @Test func namesTheFirstValueThatIsNotFinite() {
        let nan: [UInt8] = [0, 0, 0xC0, 0x7F]
        let zero: [UInt8] = [0, 0, 0, 0]
        var message = refusal {
            var array = try Samples.array("<f4", "2, 2", zero + zero + zero + nan)
            _ = try array.matrix()
        }
        #expect(message.contains("x.npy: NPY file: row 1, column 1 (both counted from 0)"))
        // In Fortran order the third value is row 0, column 1.
        message = refusal {
            var array = try Samples.array("<f4", "2, 2", zero + zero + nan + zero, order: "True")
            _ = try array.matrix()
        }
        #expect(message.contains("row 0, column 1"))
        message = refusal {
            // 1e300 is finite until it is a float32.
            var array = try Samples.array(
                ">f8", "1, 1", [0x7E, 0x37, 0xE4, 0x3C, 0x88, 0x00, 0x75, 0x9C])
            _ = try array.matrix()
        }
        #expect(message.contains("float32"))
    }

    @Test func refusesShapesThatAreNoMatrix() {
        for (descr, shape, count) in [
            ("<f4", "1,", 4), ("<f4", "", 4), ("<f4", "0, 3", 0), ("<f4", "3, 0", 0),
            ("<U1", "1, 1", 4), ("|S4", "1, 1", 4),
        ] {
            let message = refusal {
                var array = try Samples.array(
                    descr, shape, [UInt8](repeating: 0, count: count))
                _ = try array.matrix()
            }
            #expect(!message.isEmpty, "\(descr) \(shape)")
        }
        let message = refusal {
            try Samples.array("<f4", "1, 1, 1", [0, 0, 0, 0]).checkPixels()
        }
        #expect(message.contains("np.uint8"))
    }

    @Test func readsGzipAndRefusesItsLies() throws {
        let whole = Samples.bytes("n<f4")
        var array = try Samples.array(gzip(whole), "x.npy.gz")
        #expect(try array.matrix().values == [1, 2, 3, 4, 5, 6])
        for bytes in [gzip(Array(whole.dropLast())), gzip(whole + [0])] {
            #expect(throws: FormatError.self) {
                var array = try Samples.array(bytes, "x.npy.gz")
                _ = try array.matrix()
            }
        }
        // A shape of 16 TB in a few bytes: refused before room is made for it.
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000000, 1)}"
        let header = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(text.utf8.count), 0]
        #expect(throws: FormatError.self) {
            _ = try Samples.array(gzip(header + Array(text.utf8)), "x.npy.gz")
        }
    }

    @Test func cutsAndFlippedBitsAreReadOrRefused() {
        for name in ["n>f2", "F", "U>", "i8l", "CuF"] {
            let whole = Samples.bytes(name)
            for count in whole.indices {
                #expect(throws: FormatError.self) {
                    _ = try Samples.array(Array(whole[..<count]), name)
                }
            }
            for bit in 0..<whole.count * 8 {
                var bytes = whole
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                readAll(bytes)
            }
        }
    }

    @Test(.timeLimit(.minutes(240))) func damagedFilesAreReadOrRefused() {
        let names = ["n<f8", "n|i1", "F", "CuF", "U<", "U>", "S", "u8l", "f8l", "col", "b"]
        let samples = names.map(Samples.bytes)
        var mutator = Mutator(samples.map { [$0] }, seed: fuzzSeed)
        var readCount = 0
        let count = fuzzCount(usual: 20_000)
        for _ in 0..<count {
            if readAll(mutator.damaged(samples[mutator.draw(samples.count)])) { readCount += 1 }
        }
        #expect(readCount > count / 100)
        #expect(readCount < count)
    }

    /// All bytes of an array, its axes in another order.
    private func pixels(_ array: consuming NPYReader, _ axes: [Int]) throws -> [UInt8] {
        var array = array
        try array.checkPixels()
        let places = array.header.places(axes: axes)
        return unsafe try RowMemory.filled(
            rowCountMax: array.rowCount, columnCount: array.columnCount, path: "x"
        ) { (target) throws(FormatError) in unsafe try array.read(into: target, places: places) }
    }

    /// Reads bytes in every way; whether one gave something.
    @discardableResult
    private func readAll(_ bytes: [UInt8]) -> Bool {
        func matrix() throws -> Int {
            var array = try Samples.array(bytes, "x")
            return try array.matrix().values.count
        }
        func pixels() throws -> Int {
            let array = try Samples.array(bytes, "x")
            let axes = [0] + array.header.shape.indices.dropFirst().reversed()
            guard !array.header.shape.isEmpty else { return 0 }
            return try self.pixels(array, axes).count
        }
        func labels() throws -> Int { try LabelColumn(Samples.array(bytes, "x")).rowCount }
        let counts = [try? matrix(), try? pixels(), try? labels()].compactMap(\.self)
        #expect(counts.allSatisfy { $0 <= bytes.count })
        return !counts.isEmpty
    }
}
