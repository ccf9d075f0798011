import Decoding
import Pages
import Probe
import Testing

@Suite struct ProbeChartTests {
    /// The picture of a report, read as strictly as XML, and its text.
    private func picture(
        _ path: [Scheme: [ProbeReport.Point]]
    ) throws -> (root: PageElement, text: String) {
        let text = ProbeChart(SampleProbe.report(path)).rendered()
        #expect(!text.contains("nan") && !text.contains("inf") && !text.contains("\"-\""))
        return (try PageReader.root(of: text), text)
    }

    private func number(_ element: PageElement, _ name: String) -> Double {
        element.attributes[name].flatMap(Double.init) ?? .nan
    }

    private let three = [(0.01, 150, 0.5), (1, 190, 0.25), (100, 170, 1.5)].map {
        SampleProbe.point($0, $1, nll: $2)
    }

    @Test func aLineASchemeInEachPanelAndRingsAtTheBest() throws {
        let other = [(0.01, 100, 0.75), (1, 120, 0.625), (100, 180, 0.5)].map {
            SampleProbe.point($0, $1, nll: $2, heads: 66)
        }
        let root = try picture([.oneVsAll: three, .softVote: other]).root
        #expect(root.all("polyline").count == 6)
        #expect(root.all("polygon").count { $0.classes == ["band"] } == 2)
        let rings = root.all("circle").filter { $0.classes == ["ring"] }
        try #require(rings.count == 6)
        let best = root.all("line").filter { $0.classes == ["best"] }
        #expect(best.map { number($0, "x1") } == rings.map { number($0, "cx") })
        // One-vs-all is best in the middle, all-vs-all at the right; the panels share the axis.
        let xs = rings.map { number($0, "cx") }
        #expect(xs[0] < xs[1] && xs[0] == xs[2] && xs[1] == xs[3] && xs[1] == xs[5])
        let texts = root.all("text").map(\.text)
        for text in [
            "one-vs-all, best at C = 1: 95.00%", "all-vs-all, best at C = 100: 90.00%", "95.00%",
            "90.00%", "accuracy, %, with its 95% interval", "NLL, less is better",
        ] {
            #expect(texts.contains(text), "\(text)")
        }
    }

    /// Better is higher for accuracies, lower for NLL, and farther right is a larger C.
    @Test func placesFollowTheFigures() throws {
        let places = try picture([.oneVsAll: three]).root.all("polyline").map { line in
            (line.attributes["points"] ?? "").split(separator: " ").map { pair in
                pair.split(separator: ",").compactMap { Double($0) }
            }
        }
        try #require(places.map(\.count) == [3, 3, 3])
        for line in places {
            #expect(line[0][0] < line[1][0] && line[1][0] < line[2][0])
            // Equal ratios of C are equally far apart.
            #expect(abs(line[2][0] - line[1][0] - (line[1][0] - line[0][0])) < 0.11)
        }
        #expect(places[0][1][1] < places[0][2][1] && places[0][2][1] < places[0][0][1])
        #expect(places[1][1][1] > places[1][0][1] && places[1][0][1] > places[1][2][1])
    }

    @Test func uncertifiedPointsAreOpenAndSkippedOnesAbsent() throws {
        let skipped = ProbeReport.Point(skipped: 1000, because: "it rose")
        let weak = SampleProbe.point(300, 150, nll: 2, gap: 1e-3)
        let (root, text) = try picture([.softVote: three + [weak, skipped]])
        // One in each panel, one in the legend.
        #expect(root.all("circle").count { $0.classes == ["open"] } == 3 + 1)
        #expect(text.contains("open: not every head is certified"))
        #expect(!(try picture([.softVote: three]).text.contains("open: not")))
        let line = root.all("polyline").first?.attributes["points"] ?? ""
        #expect(line.split(separator: " ").count == 4)
    }

    /// One value of C, figures that are all the same, all or nothing right, no figures at all.
    @Test func whatCannotBeScaledIsStillDrawn() throws {
        let lone = try picture([.oneVsAll: [SampleProbe.point(1, 100, nll: 0.5)]]).root
        #expect(lone.all("circle").count { $0.classes == ["ring"] } == 3)
        for (correct, nll) in [(0, 36.0), (200, 0), (100, 1e-9)] {
            let path = [0.1, 1, 10].map { SampleProbe.point($0, correct, nll: nll) }
            #expect(try picture([.oneVsAll: path]).root.all("polyline").count == 3)
        }
        let bare = try picture([
            .oneVsAll: [ProbeReport.Point(skipped: 1, because: "nothing was trained")]
        ])
        #expect(bare.root.all("polyline").isEmpty)
        let odd = [Double.leastNonzeroMagnitude, 1, 1.7e308].map {
            SampleProbe.point($0, 100, nll: .nan)
        }
        #expect(try picture([.oneVsAll: odd]).root.all("polyline").count == 1)
    }

    @Test func aChoiceForEachHeadHasNoRing() {
        var report = SampleProbe.report([.softVote: three])
        report.choice[.softVote] = .init(
            perHead: [1, 100], by: .accuracy, path: three, heldOut: nil)
        let text = ProbeChart(report).rendered()
        #expect(!text.contains("class=\"ring\""))
        #expect(text.contains("all-vs-all, a C for each head"))
    }
}
