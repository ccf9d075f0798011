import Formats
import Testing

@Suite struct CSVFieldsTests {
    @Test(arguments: [
        (["cat", "dog"], "cat,dog"), (["a, b", "c"], "\"a, b\",c"),
        (["say \"d\"", ""], "\"say \"\"d\"\"\","), (["猫", " e "], "猫, e "), (["x\ny"], "\"x\ny\""),
        (["\""], "\"\"\"\""), ([""], ""),
    ])
    func goesThereAndBack(names: [String], line: String) {
        #expect(names.map(CSVFields.quoted).joined(separator: ",") == line)
        #expect(CSVFields.fields(of: line) == names)
    }

    @Test(arguments: ["\"a", "a\"b", "\"a\"b", "\"a\" ,b", "a,\"", "\"\"\"", "\"a\"\"b"])
    func quotesInOtherPlacesAreRefused(line: String) {
        #expect(CSVFields.fields(of: line) == nil)
    }

    @Test func quotesThatNeedNotBeAreRead() {
        #expect(CSVFields.fields(of: "\"cat\",\"\",dog") == ["cat", "", "dog"])
    }
}
