import FeatureSource
import Formats
import Foundation
import ImageData
import Numerics
import TestSupport
import Testing

/// A user's files, from their names to rows and classes.
@Suite(.timeLimit(.minutes(5))) struct UserDataTests {
    let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    /// Writes an array and returns its path.
    func write(
        _ name: String, _ descr: String, _ shape: [Int], _ data: [UInt8]
    ) throws -> String {
        let sizes = shape.map { "\($0)," }.joined()
        let header = Array(
            "{'descr': '\(descr)', 'fortran_order': False, 'shape': (\(sizes))}".utf8)
        let path = folder.path(name)
        try Data(
            [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.count), 0] + header + data
        ).write(to: URL(filePath: path))
        return path
    }

    func features(_ name: String, _ values: [Float], columns: Int) throws -> String {
        let rows = Matrix(rowCount: values.count / columns, columnCount: columns, values: values)
        try NPY.write(rows, to: folder.path(name))
        return folder.path(name)
    }

    func text(_ name: String, _ labels: [String]) throws -> String {
        try folder.write(labels.map { $0 + "\n" }.joined(), to: name)
    }

    /// Three rows of cat, ant, cat.
    func request(_ weights: String) throws -> UserDataRequest {
        UserDataRequest(
            train: try features("x.npy", [1, 2, 3, 4, 5, 6], columns: 2),
            trainLabels: try text("y.txt", ["cat", "ant", "cat"]), sampleWeights: weights)
    }

    @Test func loadsWeights() throws {
        let doubles = [1.5, 0.25, 0].flatMap { value in
            (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> UInt64(8 * $0)) }
        }
        let column = try write("column.npy", "<f8", [3, 1], doubles)
        for (path, expected) in [
            (try text("w.txt", ["1.5", "2.5e-1", "0"]), [1.5, 0.25, 0]),
            (try write("w.npy", "<f8", [3], doubles), [1.5, 0.25, 0]), (column, [1.5, 0.25, 0]),
            (try write("whole.npy", "|u1", [3], [2, 1, 0]), [2, 1, 0]),
        ] as [(String, [Float])] {
            #expect(try UserData.load(request(path)).trainWeights == expected)
        }
        // A class that weighs nothing may be one that a run leaves out.
        let none = try text("w.txt", ["1", "0", "1"])
        #expect(try UserData.load(request(none)).trainWeights == [1, 0, 1])
        // What they are is part of what was read, and nothing changes where there are none.
        let digests = try [["1", "1", "1"], ["1", "1", "2"]].map {
            try UserData.load(request(text("w.txt", $0))).sha256
        }
        var plain = try request("")
        plain.sampleWeights = nil
        #expect(try UserData.load(plain).trainWeights == nil)
        #expect(Set(digests + [try UserData.load(plain).sha256]).count == 3)
    }

    @Test func refusesWeightsThatCannotBe() throws {
        for (weights, words) in [
            (["1", "-0.5", "1"], ["row 1 (counted from 0)", "-0.5", "0 or more"]),
            (["1", "1", "nan"], ["row 2", "not finite"]),
            (["inf", "1", "1"], ["row 0", "not finite"]),
            (["1e40", "1", "1"], ["row 0", "float32"]),
            (["1", "heavy", "1"], ["row 1", "not a number", "one weight a line"]),
            (["1", "", "1"], ["row 1", "has an empty weight"]), ([], ["one weight a line"]),
            (["1", "1"], ["2 weights", "3 labels", "y.txt"]),
        ] {
            let error = #expect(throws: FormatError.self) {
                try UserData.load(request(text("w.txt", weights)))
            }
            let message = error.map { "\($0)" } ?? ""
            for word in ["w.txt"] + words { #expect(message.contains(word), "\(message)") }
        }
        for path in [
            try write("wide.npy", "|u1", [3, 2], [1, 1, 1, 1, 1, 1]),
            try write("text.npy", "|S1", [3], [0x31, 0x31, 0x31]), folder.path("missing.txt"),
        ] {
            #expect(throws: FormatError.self) { try UserData.load(request(path)) }
        }
        let images = UserDataRequest(
            train: try write(
                "images.npy", "|u1", [2, 8, 8], [UInt8](repeating: 3, count: 128)),
            trainLabels: try text("two.txt", ["a", "b"]),
            sampleWeights: try text("w.txt", ["1", "2"]))
        let error = #expect(throws: FormatError.self) { try UserData.load(images) }
        #expect(error.map { "\($0)" }?.contains("images") == true)
    }

    @Test func loadsFeaturesWithTextLabels() throws {
        let data = try UserData.load(
            UserDataRequest(
                train: features("train-x.npy", [1, 2, 3, 4, 5, 6], columns: 2),
                trainLabels: text("train-y.txt", ["cat", "ant", "cat"]),
                test: features("test-x.npy", [7, 8], columns: 2),
                testLabels: text("test-y.txt", ["ant"])))
        guard case .features(let train, nil, let test?) = data.rows else {
            Issue.record("these are features")
            return
        }
        #expect(train.held == Matrix(rowCount: 3, columnCount: 2, values: [1, 2, 3, 4, 5, 6]))
        #expect(test.held?.values == [7, 8])
        #expect(data.trainLabels == [1, 0, 1])
        #expect(data.testLabels == [0])
        #expect(data.classNames == ["ant", "cat"])
        #expect(data.classKeys == [ClassLabels.key("ant"), ClassLabels.key("cat")])
        #expect(data.name == "train-x")
        #expect(data.sha256.count == 64)
    }

    @Test func validationRowsAreAPartOfTheirOwn() throws {
        let x = try features("x.npy", [1, 2, 3, 4], columns: 2)
        let y = try text("y.txt", ["a", "b"])
        let val = try features("v.npy", [5, 6], columns: 2)
        var request = UserDataRequest(train: x, trainLabels: y)
        let without = try UserData.load(request)
        (request.val, request.valLabels) = (val, try text("l.txt", ["b"]))
        let data = try UserData.load(request)
        guard case .features(_, let found?, nil) = data.rows else {
            Issue.record("these are features")
            return
        }
        #expect(found.held?.values == [5, 6])
        #expect(data.valLabels == [1])
        #expect(without.valLabels == nil)
        #expect(data.sha256 != without.sha256)
        request.valLabels = try text("l.txt", ["c"])
        #expect(refusal(request).contains("which no training row has"))
        request.valLabels = nil
        #expect(refusal(request).contains("--val-labels"))
        request.valLabels = y
        #expect(refusal(request).contains("2 labels"))
        (request.val, request.valLabels) = (try features("w.npy", [1], columns: 1), nil)
        request.valLabels = try text("l.txt", ["a"])
        #expect(refusal(request).contains("1 feature"))
    }

    @Test func theDigestIsThatOfTheFiles() throws {
        let train = try features("x.npy", [1, 2], columns: 1)
        let labels = try text("y.txt", ["a", "b"])
        let request = UserDataRequest(train: train, trainLabels: labels)
        let first = try UserData.load(request).sha256
        let script = """
            import hashlib, sys
            whole = hashlib.sha256()
            for role, path in enumerate(sys.argv[1:]):
                whole.update(bytes([role, 0]) + hashlib.sha256(open(path, "rb").read()).digest())
            print(whole.hexdigest())
            """
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["timeout", "60", "python3", "-c", script, train, labels]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        process.waitUntilExit()
        let said = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        #expect(said.hasPrefix(first))
        _ = try text("y.txt", ["a", "c"])
        #expect(try UserData.load(request).sha256 != first)
        // The same files, some of them as test rows as well, are other data.
        let tested = UserDataRequest(
            train: train, trainLabels: labels, test: train, testLabels: labels)
        #expect(try UserData.load(tested).sha256 != UserData.load(request).sha256)
    }

    @Test func findsEverythingInAnArchive() throws {
        let path = folder.path("numpy.npz")
        try #require(Data(base64Encoded: Self.archive)).write(to: URL(filePath: path))
        let data = try UserData.load(UserDataRequest(train: path))
        guard case .features(let train, nil, let test?) = data.rows else {
            Issue.record("these are features")
            return
        }
        #expect(train.held?.values == [0, 1, 2, 3, 4, 5, 6, 7])
        #expect(test.held?.values == [1, 2, 3, 4])
        #expect(data.trainLabels == [0, 1, 0, 1])
        #expect(data.testLabels == [0, 1])
        #expect(data.name == "numpy")
        // By name, without a test set; another array is other data.
        let named = try UserData.load(
            UserDataRequest(train: path + ":x_test", trainLabels: path + ":y_test"))
        guard case .features(let rows, nil, nil) = named.rows else {
            Issue.record("nobody asked for a test set")
            return
        }
        #expect(rows.held?.values == [1, 2, 3, 4])
        #expect(named.testLabels == nil)
        #expect(named.sha256 != data.sha256)
        // The test set of an archive is found in it.
        let both = try UserData.load(UserDataRequest(train: path, test: path))
        #expect(both.testLabels == [0, 1])
        for (request, part) in [
            (UserDataRequest(train: path + ":z"), "no labels"),
            (UserDataRequest(train: path + ":z", trainLabels: path), "no array z"),
            (UserDataRequest(train: path + ":x_train"), "no labels"),
            (UserDataRequest(train: path, testLabels: path), "there are none"),
        ] {
            let message = refusal(request)
            #expect(message.contains(part), "\(message)")
        }
    }

    @Test func loadsImages() throws {
        // Two grey images of 8 by 9 pixels.
        let pixels = (0..<144).map { UInt8($0) }
        let labels = try text("y.txt", ["1", "0"])
        let grey = try write("grey.npy", "|u1", [2, 8, 9], pixels)
        var data = try UserData.load(UserDataRequest(train: grey, trainLabels: labels))
        guard case .images(let images, nil, nil) = data.rows else {
            Issue.record("these are images")
            return
        }
        #expect(images.shape == ImageShape(channelCount: 1, height: 8, width: 9))
        #expect(images.pixels == pixels)
        #expect(images.labels == [1, 0])
        // Colours lie beside each other in the file, and in planes here.
        let colour = try write(
            "colour.npy", "|u1", [1, 8, 9, 2], (0..<144).map { UInt8($0) })
        let one = try text("one.txt", ["0"])
        data = try UserData.load(
            UserDataRequest(train: grey, trainLabels: labels, test: grey, testLabels: labels))
        guard case .images(_, _, let test?) = data.rows else {
            Issue.record("these are images")
            return
        }
        #expect(test.labels == [1, 0])
        #expect(
            refusal(
                UserDataRequest(train: grey, trainLabels: labels, test: colour, testLabels: one)
            ).contains("its images are 2x8x9, and those of \(grey) are 1x8x9"))
        // The same as features, if that is what they are to be.
        data = try UserData.load(
            UserDataRequest(train: grey, trainLabels: labels, kind: .features))
        guard case .features(let matrix, nil, nil) = data.rows else {
            Issue.record("these are features")
            return
        }
        #expect(matrix.columnCount == 72)
        #expect(matrix.held?.values == pixels.map { Float($0) })
    }

    @Test func largeFeaturesStayInTheirFile() throws {
        let values = (0..<40).map { Float($0) }
        var request = UserDataRequest(
            train: try features("x.npy", values, columns: 4),
            trainLabels: try text("y.txt", (0..<10).map { "\($0 % 3)" }))
        (request.test, request.testLabels) = (request.train, request.trainLabels)
        (request.val, request.valLabels) = (request.train, request.trainLabels)
        request.heldByteCountMax = 160
        let held = try UserData.load(request)
        request.heldByteCountMax = 159
        let large = try UserData.load(request)
        for (data, isHeld) in [(held, true), (large, false)] {
            guard case .features(let train, let val?, let test?) = data.rows else {
                Issue.record("these are features")
                return
            }
            for rows in [train, val, test] {
                #expect((rows.held != nil) == isHeld)
                #expect(try rows.matrix().values == values)
            }
            #expect(data.remarks.isEmpty)
        }
        #expect(large.sha256 == held.sha256)
        #expect(large.trainLabels == held.trainLabels)
    }

    @Test func largeFilesAreOneTableWhereTheyAre() throws {
        let parts = [
            try features("a.npy", [1, 2, 3, 4], columns: 2),
            try features("b.npy", [5, 6], columns: 2),
        ]
        var request = UserDataRequest(
            train: parts.joined(separator: ","), trainLabels: try text("y.txt", ["a", "b", "a"]))
        let held = try UserData.load(request)
        request.heldByteCountMax = 23
        let data = try UserData.load(request)
        guard case .features(let train, nil, nil) = data.rows else {
            Issue.record("these are features")
            return
        }
        #expect(train.held == nil)
        #expect(try train.matrix().values == [1, 2, 3, 4, 5, 6])
        #expect(data.sha256 == held.sha256)
        // One of them cannot stay where it is: none does.
        let csv = folder.path("c.csv")
        try Data("7,8\n".utf8).write(to: URL(filePath: csv))
        request.train = "\(parts[0]),\(csv)"
        let mixed = try UserData.load(request)
        guard case .features(let rows, nil, nil) = mixed.rows else {
            Issue.record("these are features")
            return
        }
        #expect(rows.held?.values == [1, 2, 3, 4, 7, 8])
        #expect(mixed.remarks.last?.contains("np.ascontiguousarray") == true)
    }

    @Test func whatStaysIsCheckedAndWhatCannotStayIsSaid() throws {
        let labels = try text("y.txt", ["a", "b"])
        var request = UserDataRequest(
            train: try features("x.npy", [1, 2, 3, .nan], columns: 2), trainLabels: labels)
        request.heldByteCountMax = 0
        #expect(refusal(request).contains("row 1, column 1"))
        let header = Array("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2)}".utf8)
        request.train = folder.path("fortran.npy")
        try Data(
            [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.count), 0] + header
                + [UInt8](repeating: 0, count: 16)
        ).write(to: URL(filePath: request.train))
        let data = try UserData.load(request)
        #expect(data.remarks.count == 1)
        #expect(data.remarks.first?.contains("np.ascontiguousarray") == true)
        request.heldByteCountMax = 16
        #expect(try UserData.load(request).remarks.isEmpty)
    }

    @Test func putsChannelsInPlanes() throws {
        let data = try UserData.load(
            UserDataRequest(
                train: write("x.npy", "|u1", [2, 8, 8, 3], (0..<384).map { UInt8($0 % 251) }),
                trainLabels: text("y.txt", ["a", "b"])))
        guard case .images(let images, nil, nil) = data.rows else {
            Issue.record("these are images")
            return
        }
        #expect(images.shape == ImageShape(channelCount: 3, height: 8, width: 8))
        for image in 0..<2 {
            for channel in 0..<3 {
                for pixel in 0..<64 {
                    #expect(
                        images.pixels[(image * 3 + channel) * 64 + pixel]
                            == UInt8((image * 192 + pixel * 3 + channel) % 251))
                }
            }
        }
    }

    /// Labels above 255 stay what they are.
    @Test func thousandsOfClassesKeepTheirLabels() throws {
        let count = 1_000
        let data = try UserData.load(
            UserDataRequest(
                train: features("x.npy", (0..<count).map { Float($0) }, columns: 1),
                trainLabels: text("y.txt", (0..<count).reversed().map { "\($0)" })))
        #expect(data.trainLabels == (0..<count).reversed())
        #expect(data.classKeys == (0..<count).map { UInt64($0) })
        #expect(data.classNames[300] == "300")
    }

    /// `np.savez_compressed(x_train=..., y_train=..., x_test=..., y_test=...)`.
    static let archive = """
        UEsDBC0AAAAIAAAAIQBFrKRk//////////8LABQAeF90cmFpbi5ucHkBABAAoAAAAAAAAABa\
        AAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClO\
        BYoXZyQWpAL5GiY6CkaaOgq1CmQDLgYwaLAHEg5ABMQNQLwAiA8A8QMHAFBLAwQtAAAACAAA\
        ACEAu3UlXv//////////CwAUAHlfdHJhaW4ubnB5AQAQAJAAAAAAAAAATAAAAAAAAACb7Bfq\
        GxDJyFDGUK2eklqcXKRupaBuE2qorqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+Rom\
        Opo6CrUKFACuAgYGhkIghtEAUEsDBC0AAAAIAAAAIQBO+yB1//////////8KABQAeF90ZXN0\
        Lm5weQEAEACQAAAAAAAAAFMAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNmoq6joJ6W\
        X1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaRjoKRpo6CrUKZAMuBoYGewYGBgcgAuIGBwBQ\
        SwMELQAAAAgAAAAhAGPmXR7//////////woAFAB5X3Rlc3QubnB5AQAQAIgAAAAAAAAASwAA\
        AAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuE2qorqOgnpZfVFKUmBefX5SSChJ3S8wpTgWK\
        F2ckFqQC+RpGOpo6CrUKFACuAgYGhkIgBgBQSwECLQMtAAAACAAAACEARaykZFoAAACgAAAA\
        CwAAAAAAAAAAAAAAgAEAAAAAeF90cmFpbi5ucHlQSwECLQMtAAAACAAAACEAu3UlXkwAAACQ\
        AAAACwAAAAAAAAAAAAAAgAGXAAAAeV90cmFpbi5ucHlQSwECLQMtAAAACAAAACEATvsgdVMA\
        AACQAAAACgAAAAAAAAAAAAAAgAEgAQAAeF90ZXN0Lm5weVBLAQItAy0AAAAIAAAAIQBj5l0e\
        SwAAAIgAAAAKAAAAAAAAAAAAAACAAa8BAAB5X3Rlc3QubnB5UEsFBgAAAAAEAAQA4gAAADYC\
        AAAAAA==
        """
}
