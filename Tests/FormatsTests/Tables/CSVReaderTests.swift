import Formats
import TestSupport
import Testing

/// CSV files as RFC 4180 has them, and as others write them.
@Suite struct CSVReaderTests {
    private func read(
        _ text: String, _ labels: CSVReader.Labels = .find
    ) throws -> (values: [Float], columns: Int, labels: LabelColumn?, remark: String?) {
        let reader = try Tables.csv(text, labels)
        let values = try Tables.values(reader)
        #expect(try reader.rowCountMax() * reader.columnCount >= values.count)
        return (values, reader.columnCount, try reader.labels(), reader.remark)
    }

    @Test(arguments: ["\n", "\r\n", "\r"]) func readsEveryEndOfLine(end: String) throws {
        let lines = ["a,label,b", "1,cat,-2.5", "", "\"3\",\"d\"\"o,g\", 4 "]
        for text in [lines, lines + [""]] {
            let found = try read(text.joined(separator: end))
            #expect(found.values == [1, -2.5, 3, 4])
            #expect(found.labels?.labels == .texts(["cat", "d\"o,g"]))
            #expect(found.remark?.contains("column label") == true)
        }
        // A line end in quotation marks is part of the label, as it is.
        let found = try read("a,y\(end)1,\"u\(end)v\"\(end)2,w\(end)")
        #expect(found.labels?.labels == .texts(["u\(end)v", "w"]))
        #expect(found.values == [1, 2])
    }

    @Test func aHeaderIsWhatIsNoNumberOverNumbers() throws {
        #expect(try read("1,2\n3,4").values == [1, 2, 3, 4])
        #expect(try read("a,b\n3,4").values == [3, 4])
        #expect(try read("5.1,3.5,setosa\n6.1,3.5,other").values == [5.1, 3.5, 6.1, 3.5])
        #expect(try read("5.1,3.5,setosa").values == [5.1, 3.5])
        #expect(try read("0,1,label\n6.1,3.5,other").values == [6.1, 3.5])
        #expect(try read("# a,b\n6.1,3.5").values == [6.1, 3.5])
        #expect(try read("\u{FEFF}a,b\n6.1,3.5").values == [6.1, 3.5])
        // y is a label here, as n is.
        #expect(try read("5.1,3.5,y\n6.1,3.5,n").labels?.labels == .texts(["y", "n"]))
    }

    /// A first row is never lost, whatever is missing in it.
    @Test(arguments: [
        ("1,\n2,3\n2,4", "row 0 (counted from 0; line 1), column 1 is empty"),
        (",1\n2,3\n2,4", "row 0 (counted from 0; line 1), column 0 is empty"),
        ("0.5,,a\n0.3,0.1,b", "row 0 (counted from 0; line 1), column 1 is empty"),
        ("0.5,nan,a\n0.3,0.1,b", "column 1 holds nan"), ("0.5,x,a\n0.3,0.1,b", "hold text"),
        ("nan,-inf\n0.3,0.1", "column 0 holds nan"), ("?,NA\n0.3,0.1", "column 0 holds ?"),
        ("-inf,2\n0.3,0.1", "-inf"), ("1e999,2\n0.3,0.1", "1e999"),
        // An index of pandas, of columns named by numbers.
        (",0,1\n0,0.5,0.2\n1,0.4,0.1", "index=False"),
    ])
    func aRowIsNoHeader(text: String, part: String) {
        let message = Tables.refusal { _ = try read(text, .elsewhere) }
        #expect(message.contains(part), "\(message)")
    }

    @Test func namesOfColumnsMayBeNumbers() throws {
        for (text, labels) in [
            ("0,1,label\n.5,.25,7", .find), ("0,1,label\n.5,.25,cat", .find),
            ("1,2,y\n.5,.25,cat", .find), ("2020,2021,y\n.5,.25,7", .find),
            ("0,1,quality\n.5,.25,7", .named("quality")),
            ("8,9,quality\n.5,.25,cat", .named("quality")),
        ] as [(String, CSVReader.Labels)] {
            let found = try read(text, labels)
            #expect(found.values == [0.5, 0.25], "\(text)")
            #expect(found.labels?.rowCount == 1, "\(text)")
        }
        #expect(try read("0,1,quality\n.5,.25,7").values == [0.5, 0.25, 7])
        #expect(try read("0.5,none\n0.25,b").labels?.labels == .texts(["none", "b"]))
    }

    @Test func labelsAreWhereTheyAreNamed() throws {
        #expect(try read("a,b\n1,2\n3,4").labels == nil)
        #expect(try read("a,Target\n1,2\n3,4").labels?.labels == .integers([2, 4]))
        let named = try read("a,b\n1,2\n3,4", .named("a"))
        #expect(named.labels?.labels == .integers([1, 3]))
        #expect(named.values == [2, 4])
        #expect(named.remark == nil)
        #expect(try read("1,2\n3,4", .named("-1")).labels?.labels == .integers([2, 4]))
        #expect(try read("1,2\n3,4", .named("0")).labels?.labels == .integers([1, 3]))
        // With labels in another file a name makes no labels; text is no feature.
        let elsewhere = try read("x,y,z\n1,2,3\n4,5,6", .elsewhere)
        #expect(elsewhere.labels == nil)
        #expect(elsewhere.values == [1, 2, 3, 4, 5, 6])
        #expect(elsewhere.remark?.contains("y is taken as a feature") == true)
        let text = try read("x,y,label\n1,2,cat\n3,4,dog", .elsewhere)
        #expect(text.labels == nil)
        #expect(text.values == [1, 2, 3, 4])
        #expect(text.remark?.contains("left out") == true)
    }

    @Test func labelsKeepTheirNames() throws {
        #expect(try read("a,y\n1,-7\n2,300\n3,-7").labels?.labels == .integers([-7, 300]))
        #expect(try read("a,y\n1,1.0\n2,3.0\n").labels?.labels == .integers([1, 3]))
        #expect(try read("a,y\n1,007\n2,3\n").labels?.labels == .texts(["007", "3"]))
        #expect(try read("a,y\n1,1e5\n2,3\n").labels?.labels == .texts(["1e5", "3"]))
        #expect(
            try read("a,y\n1,猫\n2,κύων\n3,猫").labels?.labels == .texts(["猫", "κύων"]))
    }

    private func csvText(_ text: String) -> ByteSource {
        ByteSource(Array(text.utf8), name: "x.csv")
    }

    @Test func readsSemicolonsAndTabs() throws {
        #expect(try read("a;y\n1.5;k\n2;m").values == [1.5, 2])
        #expect(try read("1\t2\n3\t4").values == [1, 2, 3, 4])
    }

    @Test(arguments: [
        ("", "is empty"), ("a,b\n", "a header and no rows"), ("1,2\n3", "1 field"),
        ("1,2\n3,4\n5,6,7", "row 2 (counted from 0; line 3) has 3 fields"),
        ("1,2\n3,4\n5,", "row 2 (counted from 0; line 3), column 1 is empty"),
        ("a,b\n1,2\n3,nan", "row 1 (counted from 0; line 3), column 1 (b) holds nan"),
        ("1,2\n3,1e39", "column 1 holds 1e39"), ("1,2\n3,4\n5,6x", "holds 6x"),
        ("1,2\n3,4\n5,\"6", "quotation mark"), ("1,2\n3,4\n5,6\"", "quotation mark"),
        ("a,b,c\n1,u,v", "hold text"), ("label,y\n1,2", "which of its columns"),
        ("a;y\n1,5;k", "hold text"), ("1,5;2\n1,5;3", "both commas and semicolons"),
        (",a\n0,1\n1,2", "index=False"), ("label\n1\n2", "no column of features"),
        ("a,y\n1,2\n3,\n", "give it a label"),
    ])
    func refusesWithRowColumnAndCure(text: String, part: String) {
        let message = Tables.refusal { _ = try read(text) }
        #expect(message.hasPrefix("x.csv: "), "\(message)")
        #expect(message.contains(part), "\(message)")
    }

    @Test func refusesNamesThatAreNone() {
        #expect(Tables.refusal { _ = try read("a,b\n1,2", .named("c")) }.contains("one of a, b"))
        #expect(Tables.refusal { _ = try read("1,2\n1,2", .named("2")) }.contains("0 to 1"))
    }

    @Test func readsFilesOfLabels() throws {
        func labels(_ text: String, _ column: String? = nil) throws -> LabelColumn.Labels {
            try CSVReader.labels(csvText(text), column: column).labels
        }
        #expect(try labels("3\n1\n3") == .integers([3, 1]))
        #expect(try labels("label\ncat\ndog\n") == .texts(["cat", "dog"]))
        #expect(try labels("y\nn\ny\n") == .texts(["y", "n"]))
        #expect(try labels("anything\n3\n4\n") == .integers([3, 4]))
        #expect(try labels("cat\ndog\n") == .texts(["cat", "dog"]))
        #expect(try labels("id,class\n1,cat\n2,dog\n") == .texts(["cat", "dog"]))
        #expect(try labels("id,z\n1,5\n2,6\n", "z") == .integers([5, 6]))
        #expect(Tables.refusal { _ = try labels("id,z\n1,5\n2,6\n") }.contains("Name one"))
        #expect(Tables.refusal { _ = try labels("label\ncat\n\"\"\n") }.contains("line 3"))
    }

    /// Every number is the float nearest to its text.
    @Test func numbersAreRoundedOnce() throws {
        var generator = SeededGenerator(seed: fuzzSeed)
        var texts = [
            "0", "-0", "0.1", "16777217", "16777219", "33554434.99999999999", "1e-45", "7e-46",
            "3.40282346e38", "3.4028235677973366e38", "1e-400", "1.17549435e-38", "1.", ".5", "+2",
            "7.0064923216240853e-46", "7.0064923216240854e-46", "1E+5", "0.0000000000000000001",
            "12345678901234567890123", "00000000000000000000000001.5", "1.00000005960464477539",
            "1.000000059604644775390625", "1.00000005960464477539062500000001",
        ]
        for _ in 0..<20_000 {
            let float = Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &generator))
            guard float.isFinite, float.nextUp.isFinite else { continue }
            let middle = (Double(float) + Double(float.nextUp)) / 2
            let digits = UInt64.random(in: 0...UInt64.max, using: &generator)
            let shift = UInt64.random(in: 0..<64, using: &generator)
            texts += ["\(float)", "\(Double(float))", "\(middle)", "\(middle.nextUp)"]
            texts += ["\(middle.nextDown)", "\(digits >> shift)e\(Int(shift) - 50)"]
            texts.append("\(digits % 1_000).\(digits >> shift)")
        }
        texts = texts.filter { Float($0)?.isFinite == true }
        let values = try Tables.values(
            Tables.csv("0\n" + texts.joined(separator: "\n")), rowsAtATime: 1 << 20)
        #expect(values.count == texts.count + 1)
        for (text, value) in zip(texts, values.dropFirst()) {
            #expect(value.bitPattern == Float(text)?.bitPattern, "\(text) of seed \(fuzzSeed)")
        }
    }

    /// Lines longer than a block, and blocks that end anywhere.
    @Test func linesOfAnyLengthAreRead() throws {
        let wide = (0..<300_000).map { String($0 % 977) }
        let found = try read(wide.joined(separator: ",") + "\n" + wide.joined(separator: ","))
        #expect(found.columns == 300_000)
        #expect(found.values.count == 600_000)
        #expect(found.values[299_999] == Float(299_999 % 977))
        let long = (0..<200_000).map { "\($0),\"a\n\($0 % 3)\"" }.joined(separator: "\r\n")
        let rows = try read(long)
        #expect(rows.values == (0..<200_000).map { Float($0) })
        #expect(rows.labels?.labels.names == ["a\n0", "a\n1", "a\n2"])
    }
}
