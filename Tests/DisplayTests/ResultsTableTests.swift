import Display
import Testing

@Suite struct ResultsTableTests {
    @Test func rendersExactly() {
        let table = ResultsTable.rendered(
            rows: [
                .init(
                    scheme: "one-vs-all", correct: 9_125, total: 10_000, headCount: 1,
                    headsPerPrediction: 1, parameterCount: 2_570),
                .init(
                    scheme: "tree elimination", correct: 10_000, total: 10_000, headCount: 1_013,
                    headsPerPrediction: 9, parameterCount: 1_313_270),
            ],
            digests: [("features", "aa11"), ("heads", "bb22")],
            times: [("backbone", 65), ("heads", 0.5)], width: nil)
        #expect(
            table == """
                scheme            accuracy      95% interval        correct  heads  heads/prediction  parameters
                ----------------  --------  ----------------  -------------  -----  ----------------  ----------
                one-vs-all          91.25%   90.68% - 91.79%   9,125/10,000      1                 1       2,570
                tree elimination   100.00%  99.96% - 100.00%  10,000/10,000  1,013                 9   1,313,270

                sha256 features  aa11
                sha256 heads     bb22
                time   backbone 1m 05s, heads 0.50s

                """)
    }

    @Test func notesStandUnderTheTable() {
        let table = ResultsTable.rendered(
            rows: [], notes: ["heads  5 of 6 certified", "l2     0.1\u{1B}"], digests: [],
            times: [("heads", 2)], width: nil)
        let lines = table.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(
            lines.dropFirst(2) == [
                "", "heads  5 of 6 certified", "l2     0.1?", "", "time   heads 2.0s", "",
            ])
    }

    @Test func rendersWithoutRowsOrDigests() {
        let table = ResultsTable.rendered(
            rows: [
                .init(
                    scheme: "x", correct: 0, total: 0, headCount: 1, headsPerPrediction: 1,
                    parameterCount: 4)
            ], digests: [], times: [], width: nil)
        #expect(
            table == """
                scheme  accuracy  95% interval  correct  heads  heads/prediction  parameters
                ------  --------  ------------  -------  -----  ----------------  ----------
                x              -             -        -      1                 1           4

                """)
    }

    @Test func alignsColumns() {
        var table = TextTable(columns: [("a", .left), ("long", .right), ("c", .left)])
        #expect(table.lines(width: nil) == ["a  long  c", "-  ----  -"])
        table.add(["é", "1", ""])
        table.add(["wide", "12345", "x\n"])
        #expect(
            table.lines(width: nil) == [
                "a      long  c", "----  -----  --", "é         1", "wide  12345  x?",
            ])
    }
}
