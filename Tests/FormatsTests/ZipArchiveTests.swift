import Formats
import Numerics
import TestSupport
import Testing

/// Archives as NumPy and Python write them, and damaged ones.
@Suite struct ZipArchiveTests {
    private func archive(_ bytes: [UInt8]) throws(FormatError) -> ZipArchive {
        try ZipArchive(ByteSource(bytes, name: "x.npz"))
    }

    @Test(arguments: ["npz-stored", "npz-deflated"]) func readsWhatNumPyWrites(name: String) throws
    {
        let archive = try archive(Samples.bytes(name))
        #expect(archive.arrayNames == ["x_train", "y_train", "x_test", "y_test"])
        var rows = try archive.array(named: "x_train")
        #expect(try rows.matrix().values == [0, 1, 2, 3, 4, 5, 6, 7])
        rows = try archive.array(named: "x_test.npy")
        #expect(try rows.matrix().values == [1, 2, 3, 4])
        let labels = try LabelColumn(archive.array(named: "y_train"))
        #expect(labels.labels == .texts(["p", "q"]))
        #expect(labels.path == "x.npz:y_train")
        let error = #expect(throws: FormatError.self) { _ = try archive.array(named: "z") }
        #expect(error?.message.contains("x_train, y_train, x_test, y_test") == true)
    }

    /// Written to a pipe: sizes come after the data, some of them in 64 bits.
    @Test func readsDataDescriptors() throws {
        let archive = try archive(Samples.bytes("npz-descriptor"))
        #expect(
            try LabelColumn(archive.array(named: "a")).labels
                == .integers((0..<40).map { Int128($0) }))
        #expect(try LabelColumn(archive.array(named: "b")).labels == .integers([1, 2]))
    }

    @Test func tellsArchivesByTheirFirstBytes() throws {
        for (bytes, isZip) in [
            (Samples.bytes("npz-stored"), true), ([0x50, 0x4B, 5, 6], true), ([0x50, 0x4B], false),
            ([], false), (Samples.bytes("F"), false),
        ] {
            #expect(try ZipArchive.isZip(ByteSource(bytes, name: "x")) == isZip)
        }
    }

    /// Reads every array of an archive; whether all were sound.
    @discardableResult
    func readAll(_ bytes: [UInt8]) -> Bool {
        guard let archive = try? archive(bytes) else { return false }
        var isSound = !archive.arrayNames.isEmpty
        for name in archive.arrayNames {
            func matrix() throws -> Int {
                var array = try archive.array(named: name)
                return try array.matrix().values.count
            }
            func labels() throws -> Int { try LabelColumn(archive.array(named: name)).rowCount }
            let count = (try? matrix()) ?? (try? labels())
            isSound = isSound && count != nil
            #expect((count ?? 0) <= 1_100 * bytes.count)
        }
        return isSound
    }

    @Test(arguments: ["npz-stored", "npz-deflated", "npz-descriptor"])
    func refusesFilesCutAnywhere(name: String) {
        let whole = Samples.bytes(name)
        #expect(readAll(whole))
        for count in whole.indices {
            #expect(throws: FormatError.self) { try archive(Array(whole[..<count])) }
        }
        #expect(throws: FormatError.self) { try archive(whole + [0]) }
    }

    // Checksums see what the structure does not.
    @Test(arguments: ["npz-stored", "npz-deflated", "npz-descriptor"])
    func flippedBitsAreSeen(name: String) throws {
        let whole = Samples.bytes(name)
        var soundCount = 0
        for bit in 0..<whole.count * 8 {
            var bytes = whole
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            if readAll(bytes) { soundCount += 1 }
        }
        // Times, versions, attributes and the like may be anything.
        #expect(soundCount < whole.count * 8 / 3)
    }

    @Test(.timeLimit(.minutes(240))) func damagedArchivesAreReadOrRefused() {
        let samples = ["npz-stored", "npz-deflated", "npz-descriptor"].map(Samples.bytes)
        var mutator = Mutator(samples.map { [$0] }, seed: fuzzSeed)
        var soundCount = 0
        let count = fuzzCount(usual: 5_000)
        for _ in 0..<count {
            if readAll(mutator.damaged(samples[mutator.draw(samples.count)])) { soundCount += 1 }
        }
        #expect(soundCount > 0)
        #expect(soundCount < count)
    }

    /// A stored archive of two members, made by hand; the first may lie about its size.
    private struct Parts {
        var sizeInDirectory: UInt32 = 4
        var sizeInHeader: UInt32 = 4
        var firstName = "a"
        var secondName = "b"
        /// Of a file of Unix, its mode in the upper half.
        var attributes: UInt32 = 0
        var method: UInt16 = 0
        var flags: UInt16 = 0

        var bytes: [UInt8] {
            func number(_ value: some FixedWidthInteger) -> [UInt8] {
                (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
            }
            // CRC-32 of four zeros.
            let checksum: UInt32 = 0x2144_DF1C
            func header(_ name: String, _ size: UInt32) -> [UInt8] {
                number(0x0403_4B50 as UInt32) + number(20 as UInt16) + number(flags)
                    + number(method) + number(0 as UInt32) + number(checksum) + number(size)
                    + number(size) + number(UInt16(name.utf8.count)) + number(0 as UInt16)
                    + Array(name.utf8) + [0, 0, 0, 0]
            }
            func entry(_ name: String, _ start: Int, _ size: UInt32) -> [UInt8] {
                number(0x0201_4B50 as UInt32) + number(20 as UInt32) + number(flags)
                    + number(method) + number(0 as UInt32) + number(checksum) + number(size)
                    + number(size) + number(UInt16(name.utf8.count))
                    + [UInt8](repeating: 0, count: 8) + number(attributes)
                    + number(UInt32(start)) + Array(name.utf8)
            }
            let first = header(firstName, sizeInHeader)
            let body = first + header(secondName, 4)
            let directory =
                entry(firstName, 0, sizeInDirectory) + entry(secondName, first.count, 4)
            return body + directory + number(0x0605_4B50 as UInt32) + number(0 as UInt32)
                + number(2 as UInt16) + number(2 as UInt16) + number(UInt32(directory.count))
                + number(UInt32(body.count)) + number(0 as UInt16)
        }
    }

    /// As `zip` and `zipfile.write` have them, with folders and with what macOS adds.
    @Test func readsMembersWithModesOfUnix() throws {
        var parts = Parts(firstName: "x.npy", secondName: "y/", attributes: 0o100644 << 16)
        #expect(try archive(parts.bytes).arrayNames == ["x"])
        #expect(throws: FormatError.self) { _ = try archive(parts.bytes).array(named: "y/") }
        parts.attributes = .max
        parts.secondName = "__MACOSX/._x.npy"
        #expect(try archive(parts.bytes).arrayNames == ["x"])
    }

    @Test func refusesLies() throws {
        #expect(try archive(Parts().bytes).arrayNames == [])
        func message(_ change: (inout Parts) -> Void) -> String {
            var parts = Parts()
            change(&parts)
            let bytes = parts.bytes
            let error = #expect(throws: FormatError.self) { try archive(bytes) }
            return error?.message ?? ""
        }
        #expect(message { $0.secondName = "a" }.contains("two members are named a"))
        #expect(message { $0.sizeInHeader = 3 }.contains("two headers of its a differ"))
        #expect(message { $0.sizeInDirectory = 3 }.contains("two headers of its a differ"))
        #expect(message { $0.sizeInDirectory = 1 << 30 }.contains("sizes of its a do not fit"))
        #expect(message { $0.method = 12 }.contains("method 12"))
        #expect(message { $0.flags = 1 }.contains("encrypted"))
        // Longer data reaches into the next member.
        let long = message {
            $0.sizeInHeader = 8
            $0.sizeInDirectory = 8
        }
        #expect(long.contains("a and b overlap"), "\(long)")
    }
}
