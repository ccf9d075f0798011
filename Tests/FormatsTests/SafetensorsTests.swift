import Formats
import Testing

@Suite struct SafetensorsTests {
    /// A file of a header and data, with the length that the header has.
    private func file(_ header: String, _ data: [UInt8]) -> [UInt8] {
        let count = header.utf8.count
        return [UInt8(count & 0xFF), UInt8(count >> 8), 0, 0, 0, 0, 0, 0] + Array(header.utf8)
            + data
    }

    private func refuses(_ bytes: [UInt8], _ part: String) {
        let error = #expect(throws: FormatError.self) { try Safetensors(decoding: bytes) }
        #expect(error?.code == .malformed)
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "none")")
    }

    // Written by hand from the format's description: keys sorted, 8-byte values first, the header
    // padded with spaces to a multiple of 8.
    @Test func agreesWithBytesWrittenByHand() throws {
        let value = Safetensors(
            metadata: ["b\n": "say \"x\"", "a": "é"],
            tensors: [
                NamedTensor("z", [2], [1, -2]),
                NamedTensor(name: "n", shape: [1, 1], content: .int64([-2])),
                NamedTensor("empty", [0, 3], []), NamedTensor("scalar", [], [0.5]),
            ])
        let header =
            #"{"__metadata__":{"a":"é","b\u000a":"say \"x\""},"#
            + #""empty":{"dtype":"F32","shape":[0,3],"data_offsets":[8,8]},"#
            + #""n":{"dtype":"I64","shape":[1,1],"data_offsets":[0,8]},"#
            + #""scalar":{"dtype":"F32","shape":[],"data_offsets":[8,12]},"#
            + #""z":{"dtype":"F32","shape":[2],"data_offsets":[12,20]}}"#
        let padding = String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        let data: [UInt8] = [
            0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
            0, 0, 0, 0x3F, 0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0,
        ]
        let expected = file(header + padding, data)
        #expect(try value.encoded() == expected)
        let read = try Safetensors(decoding: expected)
        #expect(read.metadata == value.metadata)
        #expect(read.tensors == value.tensors.sorted { $0.name < $1.name })
        #expect(read["z"]?.floats == [1, -2])
        #expect(read["z"]?.integers == nil)
        #expect(read["missing"] == nil)
    }

    @Test func readsWhatOthersWrite() throws {
        let header = """
             { "t" : { "shape" : [ 1 ] , "data_offsets":[0,4],"dtype":"F32" } ,
              "__metadata__":{"\\u00e9\\t\\/":"\\ud83d\\ude00\\b\\f\\r\\n\\\\\\""} }\t
            """.drop { $0 == " " }
        let read = try Safetensors(decoding: file(String(header), [0, 0, 128, 63]))
        #expect(read["t"]?.floats == [1])
        #expect(read.metadata == ["é\t/": "😀\u{8}\u{C}\r\n\\\""])
        #expect(try Safetensors(decoding: file("{}", [])).tensors.isEmpty)
    }

    @Test func roundTripsRandomBits() throws {
        let values = (0..<1_001).map {
            Float(bitPattern: UInt32($0) &* 2_654_435_761 & 0xFF7F_FFFF)
        }
        let tensor = NamedTensor("weights", [7, 143], values)
        let read = try Safetensors(
            decoding: Safetensors(metadata: [:], tensors: [tensor]).encoded())
        #expect(read.tensors == [tensor])
    }

    @Test func refusesFilesCutAnywhere() throws {
        let whole = try Safetensors(
            metadata: ["seed": "0"],
            tensors: [
                NamedTensor("a", [3], [1, 2, 3]),
                NamedTensor(name: "b", shape: [2], content: .int64([1, 2])),
            ]
        ).encoded()
        for count in whole.indices {
            #expect(throws: FormatError.self) {
                try Safetensors(decoding: Array(whole[..<count]))
            }
        }
        #expect(throws: FormatError.self) { try Safetensors(decoding: whole + [0]) }
    }

    // A flipped bit may change a value or a name, and must never trap.
    @Test func survivesFlippedBits() throws {
        let whole = try Safetensors(
            metadata: ["k": "\n"], tensors: [NamedTensor("a", [2, 1], [1, 2])]
        ).encoded()
        for bit in 0..<whole.count * 8 {
            var bytes = whole
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            _ = try? Safetensors(decoding: bytes)
        }
    }

    @Test func refusesHeadersThatClaimTooMuch() {
        refuses([UInt8](repeating: 0xFF, count: 8), "does not fit")
        refuses([0, 0, 0, 0, 0, 0, 0, 0x80] + [1, 2, 3], "does not fit")
        refuses([1, 0, 0, 0, 0, 0, 0, 0], "does not fit")
        refuses([0, 0, 0, 0, 0, 0, 0, 0], "does not begin with {")
        refuses([], "cannot hold the length")
        let over = 100_000_001
        refuses(
            [UInt8(over & 0xFF), UInt8(over >> 8 & 0xFF), UInt8(over >> 16 & 0xFF), 5, 0, 0, 0, 0]
                + [UInt8](repeating: 0x20, count: over), "does not fit")
    }

    @Test(arguments: [
        (
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
                + #""b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8, "overlaps"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#
                + #""b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}"#, 12, "holes"
        ),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8, "holes"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 8, "follow it"),
        (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#, 8, "follow it"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}"#, 8, "needs 4 bytes"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}}"#, 8, "needs 4 bytes"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}"#, 4, "needs 4 bytes"),
        (#"{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}"#, 4, "BF16"),
        (
            #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#, 0,
            "too large"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,0]}}"#, 0,
            "whole number"
        ),
        (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4, "whole number"),
        (#"{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}"#, 4, "] is expected"),
        (#"{"a":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}"#, 4, "whole number"),
        (#"{"a":{"dtype":"F32","shape":[1]}}"#, 4, "lacks"),
        (#"{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 4, "second"),
        (
            #"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"#
                + #""a":{"dtype":"F32","shape":[],"data_offsets":[4,8]}}"#, 8, "twice"
        ),
        (#"{"__metadata__":{"k":"1","k":"2"}}"#, 0, "twice"),
        (#"{"__metadata__":{"k":1}}"#, 0, "is expected"),
        (#"{"__metadata__":{"k":"\ud800 "}}"#, 0, "surrogate"),
        (#"{"__metadata__":{"k":"\ud83d \ude00"}}"#, 0, "surrogate"),
        (#"{"__metadata__":{"k":"\q"}}"#, 0, "escape"),
        (#"{"__metadata__":{"k":"\u00g0"}}"#, 0, "four digits"),
        ("{\"__metadata__\":{\"k\":\"\u{1}\"}}", 0, "control"),
        (#"{"__metadata__":{"k":"#, 0, "is expected"),
        (#"{"__metadata__":{}}x"#, 0, "follows its end"),
        (#" {}"#, 0, "begin with {"), (#"{"a":{},}"#, 0, "lacks"), ("[]", 0, "begin with {"),
    ])
    func refusesWrongHeaders(header: String, dataCount: Int, part: String) {
        refuses(file(header, [UInt8](repeating: 0, count: dataCount)), part)
    }

    @Test func refusesWhatCannotBeWritten() {
        let tensor = NamedTensor("a", [1], [1])
        #expect(throws: FormatError.self) {
            try Safetensors(metadata: [:], tensors: [tensor, tensor]).encoded()
        }
        #expect(throws: FormatError.self) {
            try Safetensors(metadata: [:], tensors: [NamedTensor("__metadata__", [], [1])])
                .encoded()
        }
    }
}
