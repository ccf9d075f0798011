import Decoding
import Numerics
import Pages
import Probe
import Testing

@Suite struct ProbeTableTests {
    @Test func aTerminalOf80Columns() {
        #expect(
            ProbeTable.text(SampleProbe.usual, width: 80) == """
                one-vs-all: 200 held-out rows, heads trained on 1,800 others

                        C  accuracy  95% interval     NLL     ECE  largest gap  certified
                ---------  --------  ------------  ------  ------  -----------  ---------
                     0.01    60.00%  53.08-66.54%  1.5000  0.0938       2.5e-7        all
                * 0.03162    90.00%  85.06-93.43%  0.5000  0.0313       2.5e-7        all
                      0.1    90.00%  85.06-93.43%  0.6250  0.0391       2.5e-7        all
                        1         -             -       -       -            -    skipped

                * the best C by accuracy: 0.03162277660168379, the smallest of 2 that are
                  equally good
                1 value of C above 0.1 was not tried: the held-out NLL had risen for 8 values

                all-vs-all: 200 held-out rows, heads trained on 1,800 others

                        C  accuracy  95% interval     NLL     ECE  largest gap  certified
                ---------  --------  ------------  ------  ------  -----------  ---------
                     0.01    30.00%  24.07-36.68%  2.0000  0.1250       2.5e-7        all
                  0.03162    50.00%  43.14-56.86%  1.0000  0.0625       2.5e-7        all
                      0.1    70.00%  63.32-75.93%  0.7500  0.0469       2.5e-7        all
                *       1    85.00%  79.39-89.29%  0.5000  0.0313       3.2e-4      59/66

                * the best C by accuracy: 1
                the best C is the largest tried: widen --C

                360 test rows

                scheme            C  accuracy  95% interval   top-5     NLL     ECE
                ----------  -------  --------  ------------  ------  ------  ------
                one-vs-all  0.03162    95.56%  92.90-97.25%  97.78%  0.3750  0.0234
                all-vs-all        1    99.17%  97.58-99.72%  99.58%  0.3750  0.0234

                scheme      lowest recall  recall   rows
                ----------  -------------  ------  -----
                one-vs-all  a, "b" & <c>    70.0%  21/30
                            class 3         93.3%  28/30
                            class 4         96.7%  29/30
                            class 5         96.7%  29/30
                            class 6         96.7%  29/30
                all-vs-all  class 0         90.0%  27/30

                all-vs-all at C 1: 7 of 66 heads are not certified, the largest gap is 3.2e-4;
                  the best C is among these; up to C 0.1 all are
                a certified head's objective is above the least possible by at most 1e-6 of
                  itself, its gap; --normalize standardize helps with features of large or
                  unlike scales, and makes another model; smaller values of C are easier; --gap
                  0.001 accepts these heads

                sha256 heads
                       0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
                sha256 predictions
                       0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
                time   data 0.25s, path 12s, refit 1.5s, evaluate 0.25s, total 15s

                """)
    }

    @Test(arguments: [40, 80, 100, 200]) func noLineIsLonger(width: Int) {
        for line in ProbeTable.text(SampleProbe.usual, width: width).split(separator: "\n") {
            // A digest is one word.
            #expect(line.count <= width || line.contains(SampleProbe.digest), "\(line)")
        }
    }

    /// A long sweep keeps a line for each value, and their names differ.
    @Test func aLongSweepHasALineForEachValue() {
        let values = (0..<45).map { 1 + Double($0) * 1e-5 }
        let path = values.map { SampleProbe.point($0, 100, nll: 1) }
        let text = ProbeTable.text(SampleProbe.report([.oneVsAll: path]), width: 80)
        let names = text.split(separator: "\n").filter { $0.hasSuffix(" all") }
            .compactMap { $0.split(separator: " ").first { $0 != "*" } }
        #expect(names.count == 45)
        #expect(Set(names).count == 45)
        #expect(text.contains("1, the smallest of 45 that are equally"))
        #expect(text.contains("the best C is the smallest tried: widen --C"))
    }

    @Test func oneValueIsNoSweep() {
        let report = SampleProbe.report([.oneVsAll: [SampleProbe.point(1, 100, nll: 1)]])
        let text = ProbeTable.text(report, width: 80)
        #expect(text.contains("* the only C tried\n"))
        #expect(!text.contains("widen"))
        #expect(text.contains("no test rows were given (--test)\n"))
        #expect(!text.contains("test rows\n\n"))
    }

    @Test func aValueForEachHead() {
        let path = [
            SampleProbe.point(0.5, 100, nll: 1, heads: 4),
            SampleProbe.point(2, 120, nll: 1, heads: 4),
        ]
        var report = SampleProbe.report([.softVote: path])
        report.choice[.softVote] = ProbeReport.Choice(
            perHead: [2, 0.5, 2, 2], by: .nll, path: path,
            heldOut: SampleProbe.scores(150, nll: 0.5))
        let text = ProbeTable.text(report, width: nil)
        #expect(
            text.contains(
                "each head has the best C for itself by NLL; together they predict 75.00% of the held-out rows, NLL 0.5000\n"
            ))
        #expect(text.contains("3 of 4 heads have the largest C tried as their best: widen --C\n"))
        #expect(!text.contains("*"))
        let rows = text.split(separator: "\n").filter { $0.contains(" all ") }
        #expect(rows.map { $0.split(separator: " ").last } == ["1", "3"])
        #expect(ProbeCSV.text(report).contains(",false,3,false,"))
    }

    @Test func whatConcernsTheWholeProbeIsSaid() {
        let path = [SampleProbe.point(1, 100, nll: 1), SampleProbe.point(2, 120, nll: 1)]
        var report = SampleProbe.report([.oneVsAll: path, .softVote: path], classes: 2)
        report.data.folds = 5
        report.data.normalize = .standardize
        report.refit[.softVote]?.certified = 0
        report.refit[.softVote]?.gapMax = nil
        report.notes = ["3 rows\u{1b} stand on both sides"]
        let text = ProbeTable.text(report, width: nil)
        #expect(text.contains("one-vs-all: 1,800 training rows in 5 folds, each predicted"))
        #expect(text.contains("of two classes every scheme trains the same head"))
        #expect(text.contains("3 rows? stand on both sides\n"))
        #expect(
            text.contains(
                "all-vs-all, the heads of the model: 1 of 1 head is not certified, no bound of the least objective was found\n"
            ))
        #expect(!text.contains("--normalize") && !text.contains("--gap"))
    }

    @Test func csvHasALineForEachPointThatReadsBackToTheSameNumbers() throws {
        let report = SampleProbe.usual
        let lines = ProbeCSV.text(report).split(separator: "\n")
        #expect(
            lines.first
                == "scheme,c,l2,heads,certified,gap_max,passes,seconds,rows,correct,accuracy,accuracy_low,accuracy_high,nll,brier,ece,top5_accuracy,chosen,chosen_heads,skipped,digest"
        )
        let points = report.schemes.flatMap { scheme in
            (report.path[scheme] ?? []).map { (scheme, $0) }
        }
        try #require(lines.count == points.count + 1)
        for (line, (scheme, point)) in zip(lines.dropFirst(), points) {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            try #require(fields.count == 21)
            #expect(fields[0] == scheme.rawValue && Double(fields[1]) == point.c)
            #expect(Double(fields[2]) == point.l2 && Int(fields[3]) == point.heads)
            #expect(Double(fields[5]) == point.gapMax)
            #expect(Double(fields[10]) == point.scores?.accuracy)
            #expect(Double(fields[13]) == point.scores?.nll)
            #expect(Double(fields[16]) == point.scores?.topFiveAccuracy)
            #expect(fields[17] == "\(report.choice[scheme]?.c == point.c)")
            #expect(fields[19] == "\(point.isSkipped)")
            #expect(String(fields[20]) == point.digest ?? "")
            // Whoever guesses a column's type from its first lines must not guess whole numbers.
            for column in [1, 2, 5, 7] + Array(10...16) where !fields[column].isEmpty {
                #expect(fields[column].contains { ".e".contains($0) }, "\(line)")
            }
        }
    }
}
