import FeatureSource
import Formats
import ImageData
import Numerics
import TestSupport
import Testing

/// Every kind of file, from its name to rows and labels, at once and in pieces.
@Suite(.timeLimit(.minutes(5))) struct FileKindTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let path = folder.path(name)
        try AtomicFile.write(bytes, to: path)
        return path
    }

    private func features(_ name: String, _ values: [Float], columns: Int) throws -> String {
        try write(
            name,
            NPY.encode(
                Matrix(
                    rowCount: values.count / columns, columnCount: columns, values: values)))
    }

    private func load(_ request: UserDataRequest) throws -> (Matrix, UserData) {
        let data = try UserData.load(request)
        guard case .features(let rows, _, _) = data.rows, let matrix = rows.held else {
            throw FormatError(.malformed, "these are features")
        }
        return (matrix, data)
    }

    private func refusal(_ request: UserDataRequest) -> String {
        do {
            _ = try UserData.load(request)
            return "nothing"
        } catch {
            return error.message
        }
    }

    @Test func severalFilesAreOneTable() throws {
        let a = try features("a.npy", [1, 2, 3, 4], columns: 2)
        let b = try features("b.npy", [5, 6], columns: 2)
        let wide = try features("wide.npy", [5, 6, 7], columns: 3)
        let one = try folder.write("9 0:7 1:8\n8 1:2\n", to: "one.svm")
        let two = try folder.write("7 1:3\n", to: "two.svm")
        let ya = try folder.write("3\n-1\n", to: "ya.txt")
        let yb = try folder.write("3\n", to: "yb.txt")
        let yab = try folder.write("3\n-1\nword\n", to: "yab.txt")
        var (matrix, data) = try load(
            UserDataRequest(train: "\(a),\(b)", trainLabels: "\(ya),\(yb)"))
        #expect(matrix == Matrix(rowCount: 3, columnCount: 2, values: [1, 2, 3, 4, 5, 6]))
        #expect(data.classNames == ["-1", "3"])
        #expect(data.trainLabels == [1, 0, 1])
        #expect(data.name == "a")
        let sha256 = data.sha256
        (matrix, data) = try load(
            UserDataRequest(train: "\(a),\(b)", trainLabels: yab, val: b, valLabels: yb))
        #expect(data.classNames == ["-1", "3", "word"])
        #expect(data.sha256 != sha256)
        guard case .features(_, let val?, nil) = data.rows else {
            Issue.record("there are validation rows")
            return
        }
        #expect(val.held?.values == [5, 6])
        #expect(data.valLabels == [1])
        (matrix, data) = try load(UserDataRequest(train: "\(one),\(two)"))
        #expect(matrix.values == [7, 8, 0, 2, 0, 3])
        #expect(data.trainLabels == [2, 1, 0])
        for (request, parts) in [
            (UserDataRequest(train: "\(a),\(wide)", trainLabels: yab), [wide, "3 features", a]),
            (UserDataRequest(train: "\(a),\(b)", trainLabels: ya), ["3 rows", "2 labels"]),
            (
                UserDataRequest(train: "\(a),\(b)", trainLabels: "\(ya),\(yb),\(yb)"),
                ["3 files of labels for 2 files"]
            ),
            (UserDataRequest(train: "\(a),none.npy", trainLabels: ya), ["none.npy"]),
            (UserDataRequest(train: a, trainLabels: ya, valLabels: ya), ["there are none"]),
            (UserDataRequest(train: a, trainLabels: ya, val: b), [b, "--val-labels"]),
        ] {
            let message = refusal(request)
            for part in parts { #expect(message.contains(part), "\(part) in: \(message)") }
        }
    }

    @Test func fileAndColumnNamesMayHaveCommasAndColons() throws {
        let odd = try features("a,b:c.npy", [1, 2], columns: 1)
        let y = try folder.write("1\n2\n", to: "y,y.txt")
        #expect(try load(UserDataRequest(train: odd, trainLabels: y)).0.values == [1, 2])
        let table = try folder.write("u:v,f\nq,1\nr,2\n", to: "t.csv")
        let (matrix, data) = try load(UserDataRequest(train: table + ":u:v"))
        #expect(matrix.values == [1, 2])
        #expect(data.classNames == ["q", "r"])
        #expect(data.remarks.isEmpty)
    }

    @Test func tablesOfTextHaveTheirLabels() throws {
        let csv = try folder.write("f,g,label\n1,2,cat\n3,4,ant\n", to: "t.csv")
        let test = try folder.write("f,g,label\n5,6,ant\n", to: "u.csv")
        var (matrix, data) = try load(UserDataRequest(train: csv, test: test))
        #expect(matrix.values == [1, 2, 3, 4])
        #expect(data.trainLabels == [1, 0])
        #expect(data.testLabels == [0])
        #expect(
            data.remarks == [csv, test].map { "\($0): its column label is taken as the labels" })
        let svm = try folder.write("+1 0:1 3:4\n-1 1:2\n", to: "t.svm")
        let narrow = try folder.write("1 1:2\n", to: "u.libsvm")
        (matrix, data) = try load(UserDataRequest(train: svm, test: narrow))
        #expect(matrix.values == [1, 0, 0, 4, 0, 2, 0, 0])
        #expect(data.classNames == ["-1", "1"])
        #expect(data.testLabels == [1])
        guard case .features(_, nil, let rows?) = data.rows else {
            Issue.record("there are test rows")
            return
        }
        // The base that the training file shows is that of the test file.
        #expect(rows.held?.values == [0, 2, 0, 0])
        // By a file of labels, the file's own are left.
        let labels = try folder.write("8\n9\n", to: "y.txt")
        (_, data) = try load(UserDataRequest(train: csv, trainLabels: labels))
        #expect(data.classNames == ["8", "9"])
        let bare = try folder.write("1,2\n3,4", to: "bare.csv")
        #expect(refusal(UserDataRequest(train: bare)).contains("--train-labels"))
    }

    @Test func readsIDXAndCIFAR() throws {
        let pixels = (0..<128).map { UInt8($0) }
        let images = try write(
            "train-images-idx3-ubyte", [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 8, 0, 0, 0, 8] + pixels)
        let labels = try write("labels.gz", gzip([0, 0, 8, 1, 0, 0, 0, 2, 7, 3]))
        var data = try UserData.load(UserDataRequest(train: images, trainLabels: labels))
        guard case .images(let train, nil, nil) = data.rows else {
            Issue.record("these are images")
            return
        }
        #expect(train.shape == ImageShape(channelCount: 1, height: 8, width: 8))
        #expect(train.pixels == pixels)
        #expect(data.classNames == ["3", "7"])
        for labelCount in 1...2 {
            var records: [UInt8] = []
            for row in 0..<3 {
                records += [UInt8](repeating: 99, count: labelCount - 1) + [UInt8(5 * row)]
                records += (0..<3_072).map { UInt8(truncatingIfNeeded: $0 + row) }
            }
            let path = try write("batch\(labelCount).bin", records)
            data = try UserData.load(UserDataRequest(train: path))
            guard case .images(let train, nil, nil) = data.rows else {
                Issue.record("these are images")
                return
            }
            #expect(train.shape == ImageShape(channelCount: 3, height: 32, width: 32))
            #expect(train.pixels[3_072] == 1 && train.pixels.count == 3 * 3_072)
            #expect(data.classNames == ["0", "5", "10"])
            let (matrix, _) = try load(UserDataRequest(train: path, kind: .features))
            #expect(matrix.values == train.pixels.map { Float($0) })
        }
    }

    @Test func piecesAreTheRowsAndHaveTheModelsShape() throws {
        let values = (0..<60).map { Float($0) }
        let npy = try features("x.npy", values, columns: 3)
        let csv = try folder.write(
            (0..<20).map { "\(3 * $0),\(3 * $0 + 1),\(3 * $0 + 2),k\($0 % 2)" }
                .joined(separator: "\n"), to: "x.csv")
        let svm = try folder.write(
            (0..<20).map { "\($0 % 2) 0:\(3 * $0) 1:\(3 * $0 + 1) 2:\(3 * $0 + 2)" }
                .joined(separator: "\n"), to: "x.svm")
        for path in [npy, csv, svm] {
            for count in [1, 7, 20, 1 << 20] {
                var stream = try RowStream(
                    path, InputRequest(svmlightBase: 0, shape: .features(3)))
                #expect(stream.shape == .features(3))
                #expect(stream.rowCount ?? 20 == 20)
                var read: [Float] = []
                while let rows = try stream.next(count) {
                    guard case .features(let matrix) = rows else { break }
                    #expect(matrix.rowCount <= count)
                    read += matrix.values
                }
                #expect(read == values)
                let labels = try stream.labels
                #expect(labels?.rowCount == (path == npy ? nil : 20))
            }
            let error = #expect(throws: FormatError.self) {
                _ = try RowStream(
                    path,
                    InputRequest(
                        svmlightBase: 0, shape: path == svm ? .image(Self.small) : .features(4)))
            }
            #expect(error?.message.contains(path) == true)
        }
    }

    private static let small = ImageShape(channelCount: 1, height: 8, width: 8)

    @Test func tensorsAndArchivesHaveTheSameNames() throws {
        let path = folder.path("x.safetensors")
        try Safetensors(
            metadata: [:],
            tensors: [
                NamedTensor("X", [2, 1], [1, 2]), NamedTensor("other", [1, 1], [3]),
                NamedTensor(name: "y", shape: [2], content: .int64([5, 6])),
            ]
        ).write(to: path)
        let (matrix, data) = try load(UserDataRequest(train: path))
        #expect(matrix.values == [1, 2])
        #expect(data.classNames == ["5", "6"])
        var stream = try RowStream(path + ":other", InputRequest())
        #expect(try stream.next(9) == .features(Matrix(rowCount: 1, columnCount: 1, values: [3])))
        #expect(
            refusal(UserDataRequest(train: path + ":none", trainLabels: path + ":y"))
                .contains("name one of X, other, y"))
    }

    @Test(arguments: [
        ([0x50, 0x41, 0x52, 0x31], "x.parquet", "Parquet"),
        ([0x61, 0x62], "x.data", ".svm (svmlight)"),
        ([0xFF, 0xFE, 0x31, 0], "x.csv", "UTF-16"), ([0x31, 0x0A], "x.npy", "NPY file"),
        ([0x7B, 0x7D], "x.safetensors", "safetensors"), ([], "x.csv", "empty"),
    ])
    func refusesWhatIsNoTable(bytes: [UInt8], name: String, part: String) throws {
        let path = try write(name, bytes)
        let labels = try folder.write("1\n2\n", to: "y.txt")
        let message = refusal(UserDataRequest(train: path, trainLabels: labels))
        #expect(message.contains(path) && message.contains(part), "\(message)")
    }
}
