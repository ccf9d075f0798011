import FeatureSource
import Formats
import Foundation
import ImageData
import Numerics
import TestSupport
import Testing

/// Files that do not go together, and what is said of them.
extension UserDataTests {
    func refusal(
        _ request: UserDataRequest, sourceLocation: SourceLocation = #_sourceLocation
    ) -> String {
        let error = #expect(throws: FormatError.self, sourceLocation: sourceLocation) {
            try UserData.load(request)
        }
        return error?.message ?? ""
    }

    /// CSV tells how many rows it has only when they have been read.
    @Test func rowsAndLabelsAreEquallyManyInEveryFile() throws {
        func csv(_ name: String, _ count: Int) throws -> String {
            try text(name, (0..<count).map { "\($0).5,2" })
        }
        func array(_ name: String, _ count: Int) throws -> String {
            try features(name, [Float](repeating: 1, count: count), columns: 1)
        }
        func labels(_ name: String, _ count: Int) throws -> String {
            try text(name, (0..<count).map { "\($0 % 2)" })
        }
        let (four, three) = (try csv("four.csv", 4), try csv("three.csv", 3))
        let (l4, l3, l7) = (
            try labels("l4.txt", 4), try labels("l3.txt", 3), try labels("l7.txt", 7)
        )
        let l5 = try labels("l5.txt", 5)
        for (rows, names, rest) in [
            (four, l3, "four.csv: it has 4 rows, and \(l3) has 3 labels"),
            (four, l5, "four.csv: it has 4 rows, and \(l5) has 5 labels"),
            ("\(four),\(three)", l5, "three.csv: it has 7 rows, and \(l5) has 5 labels"),
            // As many in all, and others in each.
            ("\(four),\(three)", "\(l3),\(l4)", "four.csv: it has 4 rows, and \(l3) has 3 labels"),
            (
                "\(try array("a.npy", 4)),\(try array("b.npy", 3))", "\(l3),\(l4)",
                "a.npy: it has 4 rows, and \(l3) has 3 labels"
            ),
        ] {
            let message = refusal(UserDataRequest(train: rows, trainLabels: names))
            #expect(message.contains(rest), "\(message)")
        }
        let train = UserDataRequest(train: four, trainLabels: l4)
        for path in [\UserDataRequest.test, \.val] {
            var request = train
            request[keyPath: path] = four
            request.testLabels = path == \.test ? l3 : nil
            request.valLabels = path == \.val ? l3 : nil
            #expect(refusal(request).contains("four.csv: it has 4 rows, and \(l3) has 3 labels"))
        }
        for names in [l7, "\(l4),\(l3)"] {
            let request = UserDataRequest(train: "\(four),\(three)", trainLabels: names)
            #expect(try UserData.load(request).trainLabels.count == 7)
        }
    }

    /// A column named y is a feature where the labels are elsewhere, or where rows must be as wide.
    @Test func aFeatureMayHaveTheNameOfLabels() throws {
        let three = try text("xyz.csv", ["x,y,z", "1,2,3", "4,5,6"])
        let four = try text("xyzl.csv", ["x,y,z,label", "1,2,3,7", "4,5,6,8"])
        let other = try text("abcl.csv", ["a,b,c,label", "1,2,3,7", "4,5,6,8"])
        let labels = try text("l.txt", ["7", "8"])
        for request in [
            UserDataRequest(train: three, trainLabels: labels),
            UserDataRequest(train: four + ":label"),
            UserDataRequest(train: four + ":label", trainLabels: labels),
            // Test rows are as wide as those of training, whatever their columns are named.
            UserDataRequest(
                train: four + ":label", test: four + ":label"),
            UserDataRequest(train: three, trainLabels: labels, test: other, testLabels: labels),
            UserDataRequest(train: four + ":label", test: three, testLabels: labels),
        ] {
            guard case .features(let train, _, let test) = try UserData.load(request).rows else {
                Issue.record("these are features")
                return
            }
            #expect(train.held?.values == [1, 2, 3, 4, 5, 6])
            #expect(test == nil || test?.held?.values == [1, 2, 3, 4, 5, 6])
        }
        let input = InputRequest(shape: .features(3))
        for labelsElsewhere in [false, true] {
            var stream = try RowStream(three, input, labelsElsewhere: labelsElsewhere)
            let rows = Matrix(rowCount: 2, columnCount: 3, values: [1, 2, 3, 4, 5, 6])
            #expect(try stream.next(9) == .features(rows))
        }
    }

    @Test func refusesWithFileRowAndCure() throws {
        let x = try features("x.npy", [1, 2, 3, 4], columns: 2)
        let y = try text("y.txt", ["a", "b"])
        let wide = try features("wide.npy", [1, 2, 3, 4, 5, 6], columns: 3)
        let nan = try features("nan.npy", [1, 2, 3, .nan], columns: 2)
        let short = try text("short.txt", ["a", "b", "a"])
        let unknown = try text("unknown.txt", ["a", "z"])
        let empty = try text("empty.txt", [])
        let flat = try write("flat.npy", "|u1", [2, 4, 4], [UInt8](repeating: 0, count: 32))
        let torch = try write(
            "torch.npy", "|u1", [2, 3, 8, 8], [UInt8](repeating: 0, count: 384))
        let floats = try write(
            "floats.npy", "<f4", [2, 8, 8], [UInt8](repeating: 0, count: 512))
        let object = try write("object.npy", "|O", [2, 1], [UInt8](repeating: 0, count: 16))
        // A zip of no file at all, and a web page where features should be.
        let zip = folder.path("photos.zip")
        try AtomicFile.write([0x50, 0x4B, 5, 6] + [UInt8](repeating: 0, count: 18), to: zip)
        let page = folder.path("page.npy")
        try AtomicFile.write(Array("<!doctype html>".utf8), to: page)
        for (request, parts) in [
            (UserDataRequest(train: zip, trainLabels: y), [zip, "without arrays", "unzip"]),
            (UserDataRequest(train: page, trainLabels: y), [page, "a web page"]),
            (UserDataRequest(train: x), [x, "--train-labels"]),
            (UserDataRequest(train: x, trainLabels: short), [x, "2 rows", short, "3 labels"]),
            (UserDataRequest(train: nan, trainLabels: y), [nan, "row 1, column 1"]),
            (UserDataRequest(train: x, trainLabels: empty), [empty, "empty"]),
            (UserDataRequest(train: x, trainLabels: x), [x, "one axis"]),
            (UserDataRequest(train: y, trainLabels: y), [y, "no file that rows are read from"]),
            (UserDataRequest(train: object, trainLabels: y), [object, "dtype=str"]),
            (
                UserDataRequest(train: x, trainLabels: y, test: x, testLabels: unknown),
                [unknown, "row 1", "z", "no training row has"]
            ),
            (
                UserDataRequest(train: x, trainLabels: y, test: wide, testLabels: y),
                [wide, "3 features", x, "have 2"]
            ),
            (UserDataRequest(train: x, trainLabels: y, test: x), [x, "have no labels"]),
            (UserDataRequest(train: x, trainLabels: y, testLabels: y), [y, "there are none"]),
            (UserDataRequest(train: flat, trainLabels: y), [flat, "4 by 4", "reshape"]),
            (UserDataRequest(train: torch, trainLabels: y), [torch, "transpose(0, 2, 3, 1)"]),
            (UserDataRequest(train: floats, trainLabels: y), [floats, "np.uint8"]),
            (UserDataRequest(train: x, trainLabels: y, kind: .images), [x, "[2, 2]"]),
            (
                UserDataRequest(train: x, trainLabels: y, test: torch, testLabels: y),
                [torch, "192 features"]
            ),
            (
                UserDataRequest(train: x + ":a", trainLabels: y),
                [x, "no .npz archive, .safetensors or .csv file"]
            ),
            (UserDataRequest(train: folder.path("none.npy"), trainLabels: y), ["none.npy"]),
        ] {
            let message = refusal(request)
            for part in parts { #expect(message.contains(part), "\(part) in: \(message)") }
            #expect(!message.contains("\n"))
        }
        // A class of one row is allowed.
        #expect(try UserData.load(UserDataRequest(train: x, trainLabels: y)).classNames.count == 2)
    }

    @Test func saysThatAFileIsEmpty() throws {
        let y = try text("y.txt", ["a", "b"])
        for name in ["x.npy", "x.npz", "x.safetensors", "x.csv", "x.svm"] {
            let path = try folder.write("", to: name)
            let message = refusal(UserDataRequest(train: path, trainLabels: y))
            #expect(message.hasPrefix("\(path): it is empty; "), "\(message)")
        }
    }

    @Test func namesTheFileThatIsMissingAndTheLabelsThatMayBeThere() throws {
        let x = try features("x.npy", [1, 2, 3, 4], columns: 2)
        let y = try text("y.txt", ["a", "b"])
        let csv = try text("quality.csv", ["a,quality", "1,2", "3,4"])
        let bare = refusal(UserDataRequest(train: csv))
        for part in ["\(csv): its rows have no labels", "--train-labels", "as \(csv):COLUMN"] {
            #expect(bare.contains(part), "\(bare)")
        }
        let missing = refusal(UserDataRequest(train: "\(x),nofile.npy", trainLabels: y))
        #expect(missing.hasPrefix("cannot read nofile.npy: "), "\(missing)")
        let none = refusal(UserDataRequest(train: "no,file.npy", trainLabels: y))
        #expect(none.hasPrefix("cannot read no,file.npy: "), "\(none)")
    }
}
