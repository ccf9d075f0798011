import Formats
import Foundation
import TestSupport
import Testing

/// Arrays in one file, read by this program's own reader and by NumPy.
struct NPZTests {
    private let arrays = [
        NPZ.Array(
            "coef_", .rows(FloatRows(rowCount: 3, columnCount: 2) { [Float($0), -1.5] })),
        NPZ.Array("intercept_", .floats([0.5, .leastNonzeroMagnitude])),
        NPZ.Array("mean_", .doubles([1e300, -0.1])),
        NPZ.Array("classes_", .integers([.min, 7, .max])),
        NPZ.Array("pairs_", .pairs([(0, 1), (0, 2)])),
        NPZ.Array("names", .texts(["", "\u{e4}\u{9b5a}\u{1f41f}", "a b"])),
    ]

    @Test func ourReaderReadsIt() throws {
        let folder = try TemporaryDirectory()
        try NPZ.write(arrays, to: folder.path("a.npz"))
        let archive = try ZipArchive(ByteSource(folder.path("a.npz")))
        #expect(archive.arrayNames == arrays.map(\.name))
        for array in arrays {
            let header = try archive.array(named: array.name).header
            #expect(header.shape == array.shape)
            #expect(!header.isFortranOrder)
        }
        var rows = try archive.array(named: "coef_")
        #expect(try rows.floats() == [0, -1.5, 1, -1.5, 2, -1.5])
    }

    @Test func equalArraysAreEqualFiles() throws {
        let folder = try TemporaryDirectory()
        for name in ["a", "b"] { try NPZ.write(arrays, to: folder.path(name)) }
        #expect(try bytes(of: folder.path("a")) == bytes(of: folder.path("b")))
    }

    @Test(.timeLimit(.minutes(4))) func numPyReadsIt() async throws {
        let folder = try TemporaryDirectory()
        try NPZ.write(arrays, to: folder.path("a.npz"))
        let program = """
            import sys, zipfile
            try: import numpy as np
            except ImportError: print("no numpy"); sys.exit()
            assert zipfile.ZipFile(sys.argv[1]).testzip() is None
            a = np.load(sys.argv[1])
            assert a["coef_"].dtype == np.float32 and a["coef_"].tolist() == [[0, -1.5], [1, -1.5], [2, -1.5]]
            assert a["intercept_"][1] == np.float32(1e-45) and a["intercept_"].shape == (2,)
            assert a["mean_"].tolist() == [1e300, -0.1]
            assert a["classes_"].tolist() == [-2**63, 7, 2**63 - 1]
            assert a["pairs_"].tolist() == [[0, 1], [0, 2]]
            assert a["names"].tolist() == ["", "\\u00e4\\u9b5a\\U0001f41f", "a b"]
            print("read")
            """
        let found = try await run(
            URL(filePath: "/usr/bin/env"), ["python3", "-c", program, folder.path("a.npz")],
            within: .seconds(120))
        #expect(found.status == 0, "\(found.standardError)")
        if found.standardOutput == "no numpy\n" { print("python3 has no numpy here") }
    }
}
