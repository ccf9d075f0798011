import Formats
import Numerics
import TestSupport
import Testing

@Suite struct NPYTests {
    private let matrix = Matrix(rowCount: 2, columnCount: 3, values: [1, -2, 0.5, 3, 4, 5])

    private func file(_ header: String, _ data: [UInt8], version: UInt8 = 1) -> [UInt8] {
        let count = header.utf8.count
        let length =
            [UInt8(count & 0xFF), UInt8(count >> 8)] + (version == 1 ? [] : [0, 0])
        return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + Array(header.utf8) + data
    }

    @Test func agreesWithBytesWrittenByHand() throws {
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
        let padded = text + String(repeating: " ", count: 117 - text.utf8.count) + "\n"
        let data: [UInt8] = [
            0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0, 0, 0, 0, 0x3F,
            0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40, 0, 0, 0xA0, 0x40,
        ]
        #expect(NPY.encode(matrix) == file(padded, data))
        #expect(try decodedMatrix(file(padded, data)) == matrix)
        let labels = NPY.encode(labels: [1, -1])
        #expect(labels.count == 128 + 16)
        #expect(String(decoding: labels[10..<74], as: UTF8.self).contains("'shape': (2,), }"))
        #expect(
            Array(labels[128...]) == [1, 0, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 255, count: 8))
    }

    @Test func roundTrips() throws {
        let wide = Matrix(
            rowCount: 17, columnCount: 9, values: (0..<153).map { Float($0) * -0.1 })
        let empty = Matrix(rowCount: 0, columnCount: 256)
        for matrix in [matrix, wide, empty] {
            let bytes = NPY.encode(matrix)
            #expect((bytes.count - matrix.values.count * 4) % 64 == 0)
            #expect(try decodedMatrix(bytes) == matrix)
        }
        for labels in [[], [3], [0, .max, .min]] as [[Int]] {
            #expect(try decodedLabels(NPY.encode(labels: labels)) == labels)
        }
        try withTemporaryFolder { folder in
            try NPY.write(wide, to: folder + "/x.npy")
            try NPY.write(labels: [4, 5], to: folder + "/y.npy")
            #expect(try bytes(of: folder + "/x.npy") == NPY.encode(wide))
            #expect(try NPY.readMatrix(ByteSource(folder + "/x.npy")) == wide)
            #expect(try NPY.readLabels(ByteSource(folder + "/y.npy")) == [4, 5])
            let error = #expect(throws: FormatError.self) {
                try NPY.readLabels(ByteSource(folder + "/x.npy"))
            }
            #expect(error?.message.hasPrefix(folder + "/x.npy: NPY file: ") == true)
            let missing = #expect(throws: FormatError.self) {
                try NPY.readMatrix(ByteSource(folder + "/z.npy"))
            }
            #expect(missing?.code == .cannotRead)
            #expect(throws: FormatError.self) { try NPY.readMatrix(ByteSource(folder)) }
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt8])
    func readsOtherVersionsAndSpellings(version: UInt8) throws {
        for header in [
            #"{"shape":(1,1),"descr":"<f4","fortran_order":False}"#,
            "{'fortran_order': False, 'shape': (1, 1,), 'descr': '<f4'}   \n",
        ] {
            let bytes = file(header, [0, 0, 128, 63], version: version)
            #expect(try decodedMatrix(bytes).values == [1])
        }
    }

    @Test func refusesFilesCutAnywhere() {
        for whole in [NPY.encode(matrix), NPY.encode(labels: [1, 2, 3])] {
            for count in whole.indices {
                let cut = Array(whole[..<count])
                #expect(throws: FormatError.self) { try decodedMatrix(cut) }
                #expect(throws: FormatError.self) { try decodedLabels(cut) }
            }
            #expect(throws: FormatError.self) { try decodedMatrix(whole + [0]) }
            for bit in 0..<whole.count * 8 {
                var bytes = whole
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                _ = try? decodedMatrix(bytes)
                _ = try? decodedLabels(bytes)
            }
        }
    }

    @Test(arguments: [
        ("{'descr': '|O', 'fortran_order': False, 'shape': (1, 1)}", "Python objects"),
        ("{'descr': '>f4', 'fortran_order': False, 'shape': (1, 1)}", "is needed"),
        ("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1)}", "Fortran"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", "dimensions"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': ()}", "dimensions"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2)}", "needs 8 bytes"),
        (
            "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 8)}",
            "too large"
        ),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 1)}", "whole numbers"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1 1)}", "lacks )"),
        ("{'descr': '<f4', 'fortran_order': False}", "lacks descr"),
        ("{'descr': '<f4', 'descr': '<f4'}", "second"),
        ("{'descr': '<f4', 'fortran_order': Maybe}", "lacks True"),
        ("{'descr': '<f4", "does not end"), ("{'a': 1}", "unknown"), ("", "lacks {"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1)} x", "does not end"),
    ])
    func refusesWrongHeaders(header: String, part: String) {
        let error = #expect(throws: FormatError.self) {
            try decodedMatrix(file(header, [0, 0, 0, 0]))
        }
        let found = error?.message.contains(part) == true
        #expect(found, "\(error?.message ?? "none")")
    }

    @Test func refusesOtherFiles() {
        let good = NPY.encode(matrix)
        for bytes in [[], Array("\u{93}NUMPX".utf8), [0x93] + Array("NUMPY".utf8) + [4, 0] + good] {
            #expect(throws: FormatError.self) { try decodedMatrix(bytes) }
        }
        let claim: [UInt8] =
            [0x93] + Array("NUMPY".utf8) + [2, 0, 0xFF, 0xFF, 0xFF, 0xFF] + [1, 2, 3]
        #expect(throws: FormatError.self) { try decodedMatrix(claim) }
    }
}

func decodedMatrix(_ bytes: [UInt8]) throws(FormatError) -> Matrix {
    try NPY.readMatrix(ByteSource(bytes, name: "test.npy"))
}

func decodedLabels(_ bytes: [UInt8]) throws(FormatError) -> [Int] {
    try NPY.readLabels(ByteSource(bytes, name: "test.npy"))
}
