import Numerics
import Testing

@Suite struct CountingTests {
    @Test func thousandsAreApart() {
        #expect(
            [0, 7, 999, 1_000, 1_313_270, -1_013].map(\.grouped) == [
                "0", "7", "999", "1,000", "1,313,270", "-1,013",
            ])
        #expect(Int.min.grouped == "-9,223,372,036,854,775,808")
        #expect(UInt64.max.grouped == "18,446,744,073,709,551,615")
    }

    @Test func oneIsNotMany() {
        #expect(1.counted("head") == "1 head")
        #expect(0.counted("head") == "0 heads")
        #expect(1_013.counted("head") == "1,013 heads")
        #expect(1.counted("class") == "1 class")
        #expect(2.counted("class") == "2 classes")
        #expect(3.counted("policy", plural: "policies") == "3 policies")
    }
}
