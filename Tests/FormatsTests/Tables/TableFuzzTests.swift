import Formats
import Numerics
import TestSupport
import Testing

/// Tables that were damaged in every way there is.
@Suite struct TableFuzzTests {
    private static let svmlight = [
        "# c\n1 0:1.5 2:-2e0 # x\n-3\t1:.5\n7 0:1 1:2 2:3\n", "1 0:1\r\n2 3:4\r\n",
        "+1 0:0.12345678901234567 5:1e-40\n-1 1:3\n",
    ].map { Array($0.utf8) }
    private static let csv = [
        "a,label,b\n1,cat,-2.5\n\"3\",\"d\"\"o,g\", 4 \n", "1,2\r\n3,4\r\n\r\n5,6",
        "5.1;3.5;\"a\nb\"\n6;7;c\n", "f0,f1,y\n0.12345678901234567,1e-40,-7\n1,2,300\n",
    ].map { Array($0.utf8) }
    private static let tensors: [[UInt8]] = {
        let header =
            #"{"x":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},"#
            + #""y":{"dtype":"U8","shape":[2],"data_offsets":[12,14]},"#
            + #""__metadata__":{"a":"b"}}"#
        let length: [UInt8] = [UInt8(header.utf8.count), 0, 0, 0, 0, 0, 0, 0]
        return [length + Array(header.utf8) + [UInt8](repeating: 63, count: 14)]
    }()
    private static let idx: [[UInt8]] = [
        [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8],
        [0, 0, 13, 2, 0, 0, 0, 1, 0, 0, 0, 2, 63, 128, 0, 0, 64, 0, 0, 0],
        [0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 7],
    ]

    /// What a file gives, in numbers and labels; an error for what is refused.
    typealias Reading = @Sendable ([UInt8]) throws -> Int

    @Sendable private static func readSvmlight(_ bytes: [UInt8]) throws -> Int {
        let reader = try SvmlightReader(ByteSource(bytes, name: "x.svm"))
        // A table of zeros is of a size that is bounded, and too slow to fill so often.
        guard try reader.rowCountMax() * reader.columnCount < 1 << 20 else { return 1 }
        let values = try Tables.values(reader)
        #expect(!values.contains { !$0.isFinite })
        return values.count + (try reader.labels()?.rowCount ?? 0)
    }

    @Sendable private static func readCSV(_ bytes: [UInt8]) throws -> Int {
        let source = ByteSource(bytes, name: "x.csv")
        let labels = try? CSVReader.labels(source)
        #expect(labels?.rowCount ?? 0 <= bytes.count)
        let reader = try CSVReader(source)
        let values = try Tables.values(reader)
        #expect(!values.contains { !$0.isFinite })
        let rowCountMax = try reader.rowCountMax()
        #expect(values.count <= reader.columnCount * rowCountMax)
        #expect(values.count <= bytes.count)
        return values.count + (try reader.labels()?.rowCount ?? 0)
    }

    @Sendable private static func readTensors(_ bytes: [UInt8]) throws -> Int {
        let file = try SafetensorsFile(ByteSource(bytes, name: "x.safetensors"))
        var count = 0
        for name in file.names {
            _ = try? file.tensor(named: name)
            var array = try file.array(named: name)
            count += (try? array.matrix().values.count) ?? 0
            count += (try? LabelColumn(file.array(named: name)).rowCount) ?? 0
        }
        #expect(count <= 2 * bytes.count)
        return count
    }

    @Sendable private static func readIDX(_ bytes: [UInt8]) throws -> Int {
        let source = ByteSource(bytes, name: "x")
        let labels = try? LabelColumn(NPYReader(idx: ByteReader(source))).rowCount
        var array = try NPYReader(idx: ByteReader(source))
        let values = (try? array.matrix().values.count) ?? 0
        #expect(values <= bytes.count)
        return values + (labels ?? 0)
    }

    static let readers: [(name: String, samples: [[UInt8]], read: Reading)] = [
        ("svmlight", svmlight, readSvmlight), ("csv", csv, readCSV),
        ("safetensors", tensors, readTensors), ("idx", idx, readIDX),
    ]

    @Test(.timeLimit(.minutes(240)), arguments: 0..<4)
    func damagedTablesAreReadOrRefused(number: Int) {
        let (name, samples, read) = Self.readers[number]
        var mutator = Mutator(samples.map { [$0] }, seed: fuzzSeed)
        var readCount = 0
        let count = fuzzCount(usual: 5_000)
        for _ in 0..<count {
            let bytes = mutator.damaged(samples[mutator.draw(samples.count)])
            if let found = try? read(bytes), found > 0 { readCount += 1 }
        }
        print("\(name): \(count) files, \(readCount) read")
        #expect(readCount > count / 100)
        #expect(readCount < count)
    }

    /// Cut at every byte, every bit flipped, packed by gzip: never a trap.
    @Test(arguments: 0..<4) func cutsAndFlippedBitsAreReadOrRefused(number: Int) {
        let (_, samples, read) = Self.readers[number]
        for whole in samples {
            let found = (try? read(whole)) ?? 0
            #expect(found > 0)
            for count in whole.indices { _ = try? read(Array(whole[..<count])) }
            for bit in 0..<whole.count * 8 {
                var bytes = whole
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                _ = try? read(bytes)
            }
        }
    }
}
