import Formats
import Numerics
import TestSupport
import Testing

/// Single tensors of a file, of every type, and files written as a stream.
@Suite struct SafetensorsFileTests {
    /// A file of one tensor.
    private func file(_ dtype: String, _ shape: String, _ data: [UInt8]) throws -> SafetensorsFile {
        let header =
            #"{"t":{"dtype":"\#(dtype)","shape":[\#(shape)],"data_offsets":[0,\#(data.count)]}}"#
        let length: [UInt8] = [UInt8(header.utf8.count), 0, 0, 0, 0, 0, 0, 0]
        return try SafetensorsFile(
            ByteSource(length + Array(header.utf8) + data, name: "x.safetensors"))
    }

    private static func stored<Value: FixedWidthInteger>(_ values: [Value]) -> [UInt8] {
        values.flatMap { value in
            (0..<Value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
    }

    @Test func readsNumbersOfEveryType() throws {
        for (dtype, data) in [
            ("F16", Self.stored([UInt16(0x3C00), 0xC000, 0, 0x4200])),
            ("BF16", Self.stored([UInt16(0x3F80), 0xC000, 0, 0x4040])),
            ("F32", Self.stored([Float(1), -2, 0, 3].map(\.bitPattern))),
            ("F64", Self.stored([1.0, -2, 0, 3].map(\.bitPattern))),
            ("I8", Self.stored([Int8(1), -2, 0, 3])), ("I16", Self.stored([Int16(1), -2, 0, 3])),
            ("I32", Self.stored([Int32(1), -2, 0, 3])), ("I64", Self.stored([Int64(1), -2, 0, 3])),
        ] {
            var array = try file(dtype, "2,2", data).array(named: "t")
            #expect(try array.matrix().values == [1, -2, 0, 3], "\(dtype)")
            let column = try LabelColumn(file(dtype, "4", data).array(named: "t"))
            #expect(column.labels == .integers([1, -2, 0, 3]), "\(dtype)")
        }
        for (dtype, data) in [
            ("U8", Self.stored([UInt8(1), 0])), ("U16", Self.stored([UInt16(1), 0])),
            ("U32", Self.stored([UInt32(1), 0])), ("U64", Self.stored([UInt64(1), 0])),
            ("BOOL", [1, 0]),
        ] {
            var array = try file(dtype, "1,2", data).array(named: "t")
            #expect(try array.matrix().values == [1, 0], "\(dtype)")
        }
    }

    @Test func namesWhatIsNotThereOrNotRead() throws {
        let sample = try file("F8_E4M3", "2", [0, 0])
        #expect(sample.names == ["t"])
        let message = Tables.refusal { _ = try sample.array(named: "t") }
        #expect(message.contains("x.safetensors:t") && message.contains("F8_E4M3"))
        #expect(Tables.refusal { _ = try sample.array(named: "u") }.contains("name one of t"))
        #expect(try sample.tensor(named: "u") == nil)
        #expect(throws: FormatError.self) { _ = try sample.tensor(named: "t") }
    }

    @Test func aStreamIsTheSameFile() throws {
        let value = Safetensors(
            metadata: ["b": "1", "a": "2"],
            tensors: [
                NamedTensor("w", [2, 2], [1, 2, 3, 4]),
                NamedTensor(name: "d", shape: [2], content: .float64([0.1, -2])),
                NamedTensor(name: "i", shape: [1], content: .int64([-7])),
            ])
        try withTemporaryFolder { folder in
            let path = folder + "/model.safetensors"
            try value.write(to: path)
            #expect(try bytes(of: path) == value.encoded())
            #expect(try names(in: folder) == ["model.safetensors"])
            let read = try Safetensors(contentsOf: path)
            #expect(read.tensors == value.tensors.sorted { $0.name < $1.name })
            #expect(read["d"]?.doubles == [0.1, -2])
            let opened = try SafetensorsFile(ByteSource(path))
            #expect(opened.metadata == value.metadata)
            #expect(try opened.tensor(named: "i")?.integers == [-7])
        }
    }
}
