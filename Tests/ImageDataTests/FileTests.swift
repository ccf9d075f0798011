import Foundation
import ImageData
import TestSupport
import Testing

/// Where files are found, what they may look like, and every way in which they are refused.
@Suite struct FileTests {
    func small(compressed: Bool = false) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try SmallMNIST().write(to: folder, compressed: compressed)
        return folder
    }

    @Test(arguments: [false, true], ["", "mnist/"])
    func readsPlainAndGzip(compressed: Bool, prefix: String) throws {
        let folder = try TemporaryFolder()
        try SmallMNIST().write(to: folder, prefix: prefix, compressed: compressed)
        let dataset = try Dataset.load(DatasetRequest(.mnist, dataDirectory: folder.path))
        #expect(dataset.train.shape == ImageShape(channelCount: 1, height: 2, width: 3))
        #expect(dataset.train.pixels == SmallMNIST.pixels(rowCount: 20, from: 0))
        #expect(dataset.train.labels == Array(0..<10) + Array(0..<10))
        #expect(dataset.test.pixels == SmallMNIST.pixels(rowCount: 10, from: 100))
        #expect(dataset.test.labels == Array(0..<10))
        #expect(dataset.classNames == (0..<10).map(String.init))
        #expect(dataset.byteCount == 30 * 7)
        // Python: hashlib.sha256 over the same four pieces.
        #expect(
            dataset.sha256 == "c8aee308dbc8fa103744b9ae80824e57b6a33c3af94c12b891309dc83f86a380")
    }

    @Test func contentTellsGzipAndNotTheName() throws {
        let folder = try TemporaryFolder()
        for (name, bytes) in SmallMNIST().files {
            if name.contains("labels") {
                try folder.write(name, gzip(bytes))
            } else {
                try folder.write(name + ".gz", bytes)
            }
        }
        let dataset = try Dataset.load(DatasetRequest(.mnist, dataDirectory: folder.path))
        #expect(dataset.train.count == 20)
    }

    @Test func gzipMayHaveSeveralMembers() throws {
        let folder = try small()
        let bytes = try #require(SmallMNIST().files[SmallMNIST.trainImages])
        let members = gzip(Array(bytes[..<5])) + gzip([]) + gzip(Array(bytes[5...]))
        try folder.write(SmallMNIST.trainImages, members)
        let dataset = try Dataset.load(DatasetRequest(.mnist, dataDirectory: folder.path))
        #expect(dataset.train.pixels == SmallMNIST.pixels(rowCount: 20, from: 0))
    }

    /// As gzip(1) and Python read it: tapes and disks have blocks to fill.
    @Test(arguments: [1, 511, 300_000]) func gzipMayBePaddedWithZeros(zeroCount: Int) throws {
        let folder = try small()
        let bytes = try #require(SmallMNIST().files[SmallMNIST.trainImages])
        let zeros = [UInt8](repeating: 0, count: zeroCount)
        let request = DatasetRequest(.mnist, dataDirectory: folder.path)
        try folder.write(SmallMNIST.trainImages, gzip(bytes) + zeros)
        #expect(try Dataset.load(request).train.count == 20)
        // Another member may follow the zeros, and nothing else may.
        let members = gzip(Array(bytes[..<9])) + zeros + gzip(Array(bytes[9...]))
        try folder.write(SmallMNIST.trainImages, members + zeros)
        #expect(
            try Dataset.load(request).train.pixels == SmallMNIST.pixels(rowCount: 20, from: 0))
        try folder.write(SmallMNIST.trainImages, gzip(bytes) + zeros + [1])
        #expect(failure(request)?.code == .trailingBytes)
        // Zeros alone are no gzip file, nor do they end one that is cut short.
        try folder.write(SmallMNIST.trainImages, Array(gzip(bytes).dropLast(8)) + zeros)
        #expect(failure(request) != nil)
    }

    /// Somebody's tool took the end of the name for an extension, or unpacked into a folder.
    @Test(arguments: [false, true]) func usualSpellingsAreFound(isInFolder: Bool) throws {
        let folder = try TemporaryFolder()
        for (name, bytes) in SmallMNIST().files {
            let spelling =
                isInFolder ? name + "/" + name : name.replacing("-idx", with: ".idx") + ".gz"
            try folder.write(spelling, isInFolder ? bytes : gzip(bytes))
        }
        let dataset = try Dataset.load(DatasetRequest(.mnist, dataDirectory: folder.path))
        #expect(dataset.train.count == 20)
    }

    @Test func theDataDirectoryGoesBeforeItsSubfolderAndTheEnvironment() throws {
        let folder = try small()
        try SmallMNIST(train: Array(0..<10)).write(to: folder, prefix: "mnist/")
        let other = try TemporaryFolder()
        try SmallMNIST(train: Array(0..<10) + [3]).write(to: other, prefix: "mnist/")
        var request = DatasetRequest(
            .mnist, dataDirectory: folder.path, environment: ["MANYHEADS_DATA": other.path])
        #expect(try Dataset.load(request).train.count == 20)
        // An incomplete folder is passed over as a whole.
        try folder.remove(SmallMNIST.testLabels)
        let nested = try Dataset.load(request)
        #expect(nested.train.count == 10)
        #expect(nested.folder == folder.path + "/mnist")
        request.dataDirectory = nil
        #expect(try Dataset.load(request).train.count == 11)
        // The variable is the default of the option, and not searched beside it.
        request.dataDirectory = folder.path + "/nowhere"
        request.systemFolder = folder.path + "/no system"
        #expect(failure(request)?.code == .missingFile)
    }

    /// Whoever names a folder in either way gets the system's data where it is not there, and is told.
    @Test func neitherWayToNameAFolderHidesTheSystems() throws {
        let system = try TemporaryFolder()
        try SmallMNIST().write(to: system, prefix: "mnist/")
        let named = try TemporaryFolder()
        var searched: [String] = []
        for (option, variable) in [(named.path, nil), (nil, named.path)] as [(String?, String?)] {
            var request = DatasetRequest(
                .mnist, dataDirectory: option,
                environment: variable.map { ["MANYHEADS_DATA": $0] } ?? [:])
            request.systemFolder = system.path
            let dataset = try Dataset.load(request)
            #expect(dataset.folder == system.path + "/mnist")
            #expect(
                request.note(on: dataset)
                    == "mnist is not in \(named.path), so it is read from \(dataset.folder)")
            request.systemFolder = named.path + "/none"
            let message = try #require(failure(request)).message
            let start = try #require(message.range(of: "searched ")?.upperBound)
            searched.append(String(message[start...].prefix { $0 != ";" }))
        }
        #expect(
            searched[0] == "\(named.path), \(named.path)/mnist, \(named.path)/none/mnist")
        #expect(searched[0] == searched[1])
        // Nothing is to be said where the data is in the folder that was named, or none was.
        try SmallMNIST().write(to: named, prefix: "mnist/")
        for folder in [named.path, nil] {
            var request = DatasetRequest(.mnist, dataDirectory: folder)
            request.systemFolder = system.path
            #expect(request.note(on: try Dataset.load(request)) == nil)
        }
    }

    @Test(arguments: DatasetName.allCases)
    func missingFilesNameTheFoldersAndTheWaysToGetThem(name: DatasetName) throws {
        var request = DatasetRequest(
            name, dataDirectory: "/nowhere", environment: ["MANYHEADS_DATA": "/else"])
        request.systemFolder = "/no system"
        let error = try #require(failure(request))
        #expect(error.code == .missingFile)
        let first = name == .cifar10 ? "data_batch_1.bin" : "train-images-idx3-ubyte"
        let apt = name == .fashionMNIST ? "apt install dataset-fashion-mnist" : "by hand from http"
        for part in [
            first, first + ".gz", "/nowhere", "/nowhere/\(name)", "/no system/\(name)", apt,
            "Scripts/fetch-data DIR \(name)", "--data-dir", "MANYHEADS_DATA",
        ] {
            #expect(error.message.contains(part), "\(part) in: \(error.message)")
        }
        #expect(!error.message.contains("/else"))
    }

    @Test func missingFilesNameTheHoleOfAnIncompleteSet() throws {
        let folder = try small()
        try folder.remove(SmallMNIST.testImages)
        let error = failure(DatasetRequest(.mnist, dataDirectory: folder.path))
        #expect(error?.message.contains("cannot find t10k-images-idx3-ubyte (nor") == true)
    }

    @Test func missingFilesAreNamedAtOnce() throws {
        let folder = try small()
        try folder.remove(SmallMNIST.testImages)
        try folder.remove(SmallMNIST.testLabels)
        let message = failure(DatasetRequest(.mnist, dataDirectory: folder.path))?.message
        #expect(message?.contains("t10k-images-idx3-ubyte (nor") == true)
        #expect(message?.contains("t10k-labels-idx1-ubyte (nor") == true)
        #expect(message?.contains("train-") == false)
    }

    /// What is there and cannot be used is not to be downloaded.
    @Test func whatStandsInAFilesPlaceIsSaid() throws {
        let folder = try small()
        let request = DatasetRequest(.mnist, dataDirectory: folder.path)
        let path = folder.path + "/" + SmallMNIST.trainLabels
        func message(_ put: () throws -> Void) throws -> String {
            try folder.remove(SmallMNIST.trainLabels)
            try put()
            let error = try #require(failure(request))
            #expect(error.code == .unreadableFile)
            #expect(error.message.hasPrefix("cannot read \(path): "), "\(error.message)")
            #expect(!error.message.contains("fetch-data"), "\(error.message)")
            return error.message
        }
        let isFolder = try message { try folder.write(SmallMNIST.trainLabels + "/inside", []) }
        #expect(isFolder.contains("it is a folder"))
        for (target, reason) in [
            ("/nowhere/labels", "a link to /nowhere/labels, which is not there"),
            (path, "make the link lead to the file"),
        ] {
            let link = try message {
                try FileManager.default.createSymbolicLink(
                    atPath: path, withDestinationPath: target)
            }
            #expect(link.contains(reason), "\(link)")
        }
        let file = failure(DatasetRequest(.mnist, dataDirectory: path + "x"))
        #expect(file?.code == .missingFile)
        try folder.write("file", [])
        let notAFolder = failure(DatasetRequest(.mnist, dataDirectory: folder.path + "/file"))
        #expect(notAFolder?.message.contains("it is a file; name the folder it is in") == true)
    }

    @Test(arguments: [
        (DatasetName.mnist, "mnist.npz", "--train"),
        (.cifar10, "cifar-10-binary.tar.gz", "tar -xzf"),
        (.cifar10, "cifar-10-batches-py/data_batch_1", "binary version"),
        (.cifar10, "data_batch_1", "binary version"),
    ])
    func otherFormsAreNamedWithWhatToDo(name: DatasetName, file: String, cure: String) throws {
        let folder = try TemporaryFolder()
        try folder.write(file, [1])
        let error = failure(DatasetRequest(name, dataDirectory: folder.path))
        #expect(error?.code == .missingFile)
        #expect(error?.message.hasPrefix(folder.path) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains(cure) == true, "\(error?.message ?? "")")
    }

    /// Another file in a file's place: getting it again the same way brings the same.
    @Test(arguments: [
        ("<!DOCTYPE html>\n<html>", "web page"), ("\n <HTML lang=en>", "web page"),
        ("<?xml version=\"1.0\"?><Error>", "web page"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git lfs pull"),
        ("PK\u{3}\u{4}\u{14}\0", "a zip archive; unpack it first"),
        ("BZh91AY&SY", "bunzip2"), ("\u{7F}ELF", "fetch-data"),
    ])
    func whatAFileIsInsteadIsSaid(start: String, said: String) throws {
        let folder = try small()
        for name in [SmallMNIST.trainImages, SmallMNIST.trainLabels] {
            try folder.write(name, Array(start.utf8) + [UInt8](repeating: 1, count: 600))
            let message = failure(DatasetRequest(.mnist, dataDirectory: folder.path))?.message
            #expect(message?.contains(said) == true, "\(message ?? "")")
            #expect(message?.contains(folder.path) == true)
            if said != "fetch-data" {
                #expect(message?.contains("get the file again") == false, "\(message ?? "")")
            }
        }
        let cifar = try TemporaryFolder()
        try writeSmallCIFAR(to: cifar)
        try cifar.write("test_batch.bin", Array(start.utf8) + [UInt8](repeating: 1, count: 600))
        var request = DatasetRequest(.cifar10, dataDirectory: cifar.path)
        request.cifarRecordsPerFile = 2
        let message = failure(request)?.message
        #expect(message?.contains(said) == true, "\(message ?? "")")
    }

    @Test func labelsThatBeginAtOneAreToBeShifted() throws {
        let folder = try small()
        try folder.write(SmallMNIST.trainLabels, idxLabels(Array(1...10) + Array(1...10)))
        let message = failure(DatasetRequest(.mnist, dataDirectory: folder.path))?.message
        #expect(message?.contains("has labels 1 to 10") == true, "\(message ?? "")")
        #expect(message?.hasSuffix("subtract 1 from every label") == true, "\(message ?? "")")
    }

    @Test func theSystemFolderIsNamedToo() throws {
        let environment = ["MANYHEADS_DATA": "/nowhere"]
        let error = failure(DatasetRequest(.cifar10, environment: environment))
        #expect(error?.message.contains("/nowhere/cifar10/cifar-10-batches-bin, ") == true)
        #expect(error?.message.contains("/usr/share/datasets/cifar10") == true)
    }

    @Test func anEmptyDataDirectoryIsRefused() {
        #expect(failure(DatasetRequest(.mnist, dataDirectory: ""))?.code == .invalidRequest)
    }

    /// Replaces one file of a good set, and says what it must be refused for.
    struct Damage: Sendable, CustomTestStringConvertible {
        var name: String
        var bytes: [UInt8]
        var code: DatasetError.Code
        var parts: [String]

        var testDescription: String { "\(name): \(parts.joined(separator: ", "))" }
    }

    static let damages: [Damage] = {
        let files = SmallMNIST().files
        let images = SmallMNIST.trainImages
        let labels = SmallMNIST.trainLabels
        let goodImages = files[images] ?? []
        let goodLabels = files[labels] ?? []
        var badLabels = goodLabels
        badLabels[8 + 3] = 10
        var badCRC = gzip(goodLabels)
        badCRC[badCRC.count - 8] ^= 1
        var badBlock = gzip(goodLabels)
        badBlock[10] = 7
        var badMethod = gzip(goodLabels)
        badMethod[2] = 9
        let huge = [0xFFFF_FFFF, 28, 28].flatMap { bigEndian($0) }
        let vast = [0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF].flatMap { bigEndian($0) }
        let most = [1 << 21, 28, 28].flatMap { bigEndian($0) }
        return [
            Damage(
                name: images, bytes: goodLabels, code: .wrongMagic,
                parts: ["0x801", "byte 0", "but one of labels; exchange the two"]),
            Damage(
                name: labels, bytes: goodImages, code: .wrongMagic, parts: ["0x803", "byte 0"]),
            Damage(name: labels, bytes: [], code: .truncatedFile, parts: ["byte 0"]),
            Damage(
                name: images, bytes: goodImages + [0], code: .trailingBytes, parts: ["byte 136"]),
            Damage(
                name: labels, bytes: gzip(goodLabels + [0]), code: .trailingBytes,
                parts: ["byte 28"]),
            Damage(
                name: labels, bytes: gzip(goodLabels) + [0, 7], code: .trailingBytes,
                parts: ["end of its gzip stream", "byte \(gzip(goodLabels).count + 1)"]),
            Damage(name: labels, bytes: badLabels, code: .labelOutOfRange, parts: ["byte 11"]),
            Damage(
                name: labels, bytes: gzip(badLabels), code: .labelOutOfRange,
                parts: ["label 10", "byte 11", "0 to 9"]),
            Damage(
                name: labels, bytes: badCRC, code: .corruptGzip, parts: ["incorrect data check"]),
            Damage(name: labels, bytes: badBlock, code: .corruptGzip, parts: ["block type"]),
            Damage(name: labels, bytes: badMethod, code: .corruptGzip, parts: ["method"]),
            Damage(
                name: images, bytes: bigEndian(0x803) + huge, code: .wrongSize,
                parts: ["4,294,967,295 images", "byte 4"]),
            Damage(
                name: images, bytes: gzip(bigEndian(0x803) + huge), code: .wrongSize,
                parts: ["4,294,967,295 images", "byte 4"]),
            Damage(
                name: images, bytes: gzip(bigEndian(0x803) + most), code: .wrongSize,
                parts: ["2,097,152 images", "gzip bytes can hold"]),
            Damage(
                name: images, bytes: bigEndian(0x803) + vast, code: .wrongSize,
                parts: ["side of 4294967295", "byte 8"]),
            Damage(
                name: images, bytes: idxImages(count: 2, height: 1, width: 0, pixels: []),
                code: .wrongSize, parts: ["side of 0", "byte 12"]),
            Damage(
                name: images, bytes: idxImages(count: 0, height: 2, width: 3, pixels: []),
                code: .wrongSize, parts: ["0 images", "byte 4"]),
            Damage(name: labels, bytes: idxLabels([]), code: .wrongSize, parts: ["0 labels"]),
            Damage(
                name: labels, bytes: bigEndian(0x801) + bigEndian(.max), code: .wrongSize,
                parts: ["4,294,967,295 labels"]),
            Damage(
                name: labels, bytes: idxLabels([1, 2]), code: .countMismatch,
                parts: ["20 images", "2 labels", images]),
            Damage(
                name: images,
                bytes: idxImages(
                    count: 20, height: 3, width: 2, pixels: .init(repeating: 0, count: 120)),
                code: .countMismatch, parts: ["1x3x2", "1x2x3"]),
        ]
    }()

    @Test(arguments: damages)
    func refusesDamage(_ damage: Damage) throws {
        let folder = try small()
        try folder.write(damage.name, damage.bytes)
        let error = try #require(failure(DatasetRequest(.mnist, dataDirectory: folder.path)))
        #expect(error.code == damage.code, "\(error)")
        for part in damage.parts {
            #expect(error.message.contains(part), "\(part) in: \(error)")
        }
        #expect(error.message.contains(folder.path))
    }

    /// Cut at every byte: always an error, whatever the file and whether it is gzip.
    @Test(arguments: Array(SmallMNIST().files.keys), [false, true])
    func refusesEveryCut(name: String, compressed: Bool) throws {
        let folder = try small()
        let bytes = try #require(SmallMNIST().files[name])
        let whole = compressed ? gzip(bytes) : bytes
        try folder.write(name, whole)
        for count in whole.indices.reversed() {
            try folder.truncate(name, to: count)
            let error = failure(DatasetRequest(.mnist, dataDirectory: folder.path))
            #expect(error?.code == .truncatedFile, "cut at \(count): \(error?.message ?? "")")
            #expect(error?.message.contains(name) == true)
        }
    }

    /// One bit flipped anywhere in a gzip file: an error or the same data, never a crash.
    ///
    /// Flips in time stamp, extra flags and system of the header change nothing; a flip in the
    /// magic makes a plain file with a wrong magic.
    @Test func survivesEveryFlippedBit() throws {
        let folder = try small()
        let whole = gzip(try #require(SmallMNIST().files[SmallMNIST.trainLabels]))
        let request = DatasetRequest(.mnist, dataDirectory: folder.path)
        let digest = try Dataset.load(request).sha256
        for bit in 0..<whole.count * 8 {
            var flipped = whole
            flipped[bit / 8] ^= 1 << UInt8(bit % 8)
            try folder.write(SmallMNIST.trainLabels, flipped)
            do throws(DatasetError) {
                let loaded = try Dataset.load(request).sha256
                #expect(loaded == digest, "bit \(bit)")
                // Header bytes 3 to 9, and what fills the first byte of a stored block.
                #expect((24..<80).contains(bit) || (83..<88).contains(bit), "bit \(bit)")
            } catch {
                #expect(error.message.contains(SmallMNIST.trainLabels), "bit \(bit)")
            }
        }
    }

    @Test func refusesWhatIsNoRegularFile() throws {
        let folder = try small()
        try folder.remove(SmallMNIST.trainLabels)
        let path = folder.path + "/" + SmallMNIST.trainLabels
        #expect(unsafe mkfifo(path, 0o600) == 0)
        let error = failure(DatasetRequest(.mnist, dataDirectory: folder.path))
        #expect(error?.code == .unreadableFile)
        #expect(error?.message.contains("not a regular file") == true)
    }

    @Test(.enabled(if: getuid() != 0, "root may read everything"))
    func refusesWhatMayNotBeRead() throws {
        let folder = try small()
        let path = folder.path + "/" + SmallMNIST.trainLabels
        try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: path)
        let error = failure(DatasetRequest(.mnist, dataDirectory: folder.path))
        #expect(error?.code == .unreadableFile)
        #expect(error?.message.contains("Permission denied") == true)
    }
}
