import Display
import Testing

/// Tables and sentences on a terminal of any width.
@Suite struct TextTableTests {
    private static let schemes: TextTable = {
        var table = TextTable(columns: [
            ("scheme", .left), ("accuracy", .right), ("95% interval", .right),
            ("correct", .right), ("heads", .right), ("heads/prediction", .right),
            ("parameters", .right),
        ])
        for scheme in ["one-vs-all", "all-vs-all, soft vote", "tree elimination"] {
            table.add([
                scheme, "91.25%", "90.68% - 91.79%", "9,125/10,000", "1,013", "9", "1,313,270",
            ])
        }
        return table
    }()

    private static let limits: TextTable = {
        var table = TextTable(columns: [
            ("workers", .right), ("seconds", .right), ("from coordinator", .right),
            ("what limits, in shares of the workers' time", .left),
        ])
        table.add(["1", "12.31", "61 MiB", "broadcast 12.3%, waiting for the coordinator 1.0%"])
        table.add(["16", "1.31", "976 MiB", "nothing"])
        return table
    }()

    /// Every word of the table is there, whole and in its block's order, and no line is too long.
    @Test(arguments: [schemes, limits], [39, 40, 48, 64, 80, 96, 120])
    func fitsAnyWidthByWholeWords(table: TextTable, width: Int) {
        let lines = table.lines(width: width)
        #expect(lines.allSatisfy { $0.count <= width && $0.last != " " }, "\(lines)")
        let words = { (lines: [String]) in
            Set(lines.joined(separator: " ").split(separator: " ").filter { !$0.hasPrefix("--") })
        }
        #expect(words(lines) == words(table.lines(width: nil)))
    }

    @Test func columnsWithoutRoomStandBelowBesideTheirKeys() {
        #expect(
            Self.schemes.lines(width: 80)
                == """
                scheme                 accuracy     95% interval       correct  heads
                ---------------------  --------  ---------------  ------------  -----
                one-vs-all               91.25%  90.68% - 91.79%  9,125/10,000  1,013
                all-vs-all, soft vote    91.25%  90.68% - 91.79%  9,125/10,000  1,013
                tree elimination         91.25%  90.68% - 91.79%  9,125/10,000  1,013

                scheme                 heads/prediction  parameters
                ---------------------  ----------------  ----------
                one-vs-all                            9   1,313,270
                all-vs-all, soft vote                 9   1,313,270
                tree elimination                      9   1,313,270
                """.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
    }

    @Test func textAndTitlesAreFoldedWhereThatIsEnough() {
        #expect(
            Self.limits.lines(width: 64)
                == """
                                                    what limits, in shares of
                workers  seconds  from coordinator  the workers' time
                -------  -------  ----------------  ----------------------------
                      1    12.31            61 MiB  broadcast 12.3%, waiting for
                                                    the coordinator 1.0%
                     16     1.31           976 MiB  nothing
                """.split(separator: "\n").map(String.init))
    }

    @Test func widthIsTheTerminalsThenTheVariablesElse80OrNone() {
        #expect(Terminal.columns(isTerminal: true, width: 132, variable: "60") == 132)
        #expect(Terminal.columns(isTerminal: true, width: nil, variable: "60") == 60)
        #expect(Terminal.columns(isTerminal: true, width: nil, variable: "many") == 80)
        #expect(Terminal.columns(isTerminal: true, width: nil, variable: "0") == 80)
        #expect(Terminal.columns(isTerminal: false, width: nil, variable: "60") == 60)
        #expect(Terminal.columns(isTerminal: false, width: nil, variable: nil) == nil)
    }

    @Test func sentencesAreFoldedBetweenWordsWhereTheyStand() {
        let text = "  1: 3.2 s predicted\n\na longwordthatdoesnotfit b\n"
        #expect(Format.folded(text, width: nil) == text)
        #expect(
            Format.folded(text, width: 12)
                == "  1: 3.2 s\n  predicted\n\na\nlongwordthatdoesnotfit\nb\n")
        #expect(
            Format.wrapped("sha256 heads  abcdef", width: 14, indent: "  ")
                == ["sha256 heads", "  abcdef"])
    }
}
