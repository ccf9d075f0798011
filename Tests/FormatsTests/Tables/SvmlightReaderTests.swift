import Formats
import TestSupport
import Testing

/// svmlight files as scikit-learn, LIBSVM and LIBLINEAR write them.
@Suite struct SvmlightReaderTests {
    @Test(arguments: ["\n", "\r\n", "\r"]) func readsRowsCommentsAndBlankLines(end: String) throws {
        let text = [
            "# a comment with 9:9", "", "+1 0:1.5 2:-2e0 # 8:8", "-3.0\t1:.5  ", "7", " 7 2:1#",
        ].joined(separator: end)
        for count in [1, 2, 10] {
            let reader = try Tables.svmlight(text)
            #expect(reader.base == 0)
            #expect(reader.columnCount == 3)
            #expect(reader.rowCount == 4)
            #expect(
                try Tables.values(reader, rowsAtATime: count)
                    == [1.5, 0, -2, 0, 0.5, 0, 0, 0, 0, 0, 0, 1])
            let labels = try reader.labels()
            #expect(labels?.labels == .integers([1, -3, 7]))
            #expect(labels?.places == [0, 1, 2, 2])
        }
    }

    @Test func theBaseIsSaidOrSeenAndNeverGuessed() throws {
        #expect(try Tables.values(Tables.svmlight("1 1:5\n2 2:6", base: 1)) == [5, 0, 0, 6])
        #expect(try Tables.values(Tables.svmlight("1 1:5\n2 2:6", base: 0)) == [0, 5, 0, 0, 0, 6])
        let message = Tables.refusal { _ = try Tables.svmlight("1 1:5\n2 2:6") }
        for part in ["x.svm", "scikit-learn", "LIBSVM", "--svmlight-base 0", "--svmlight-base 1"] {
            #expect(message.contains(part), "\(message)")
        }
        #expect(
            Tables.refusal { _ = try Tables.values(Tables.svmlight("1 0:5", base: 1)) }
                .contains("--svmlight-base 0"))
        for base in [0, 1] {
            let message = Tables.refusal { _ = try Tables.svmlight("1 \n2 \n", base: base) }
            #expect(message.contains("no row of it names a column"), "\(message)")
        }
    }

    /// Rows to predict have the columns of a model, whatever the largest they name.
    @Test func theWidthIsThatOfTheTrainingFile() throws {
        let reader = try Tables.svmlight("1 0:5\n2 1:6", base: 0, columnCount: 4)
        #expect(reader.rowCount == nil)
        #expect(try reader.rowCountMax() == 2)
        #expect(try Tables.values(reader) == [5, 0, 0, 0, 0, 6, 0, 0])
        let message = Tables.refusal {
            _ = try Tables.values(Tables.svmlight("1 0:5\n2 4:6", base: 0, columnCount: 4))
        }
        #expect(message.contains("row 1") && message.contains("line 2"), "\(message)")
    }

    @Test(arguments: [
        ("", "is empty"), ("# only\n\n", "is empty"), ("1 qid:3 0:1", "qid"),
        ("1 0:1 qid:3", "qid"), ("1 0:x", "column 0 holds x"), ("1 0:", "column 0 holds nothing"),
        ("1 0:1x 1:2", "holds 1x"), ("1 0:1\n1 0:nan", "row 1 (counted from 0; line 2)"),
        ("1 0:1e39", "finite"), ("1 0:1 0:2", "ascending order"), ("1 2:1 0:2", "ascending order"),
        ("1 0:1 2", "2 is not COLUMN:VALUE"), ("1 0:1 -1:2", "-1:2 is not"),
        ("1 0:1 99999999999999999999:1", "column"), ("1 0:1 16777217:1", "at most"),
        ("1\n2\n", "does not say"),
    ])
    func refusesWithRowAndCure(text: String, part: String) {
        let message = Tables.refusal { _ = try Tables.values(Tables.svmlight(text)) }
        #expect(message.hasPrefix("x.svm: "), "\(message)")
        #expect(message.contains(part), "\(message)")
    }

    @Test(arguments: [
        ("0:1 1:2", "begin each row with its label"), ("1,2 0:1", "several labels"),
        ("1.5 0:1", "whole number"), ("cat 0:1", "whole number"),
    ])
    func refusesLabelsThatAreNoClasses(text: String, part: String) throws {
        let reader = try Tables.svmlight("1 0:1\n" + text, base: 0, columnCount: 3)
        _ = try Tables.values(reader)
        let message = Tables.refusal { _ = try reader.labels() }
        #expect(message.contains("row 1") && message.contains(part), "\(message)")
    }

    /// A few bytes do not take gigabytes.
    @Test func aFewBytesAreNoGigabytes() {
        let text = "1 0:1 16000000:1\n" + String(repeating: "1 0:1\n", count: 1_000)
        let message = Tables.refusal { _ = try Tables.svmlight(text) }
        #expect(message.contains("nothing but zeros"), "\(message)")
    }
}
