import Reporting
import Testing

@Suite struct SpeedupChartTests {
    private let chart = SpeedupChart(
        points: [
            .init(workerCount: 1, lowest: 0.98, median: 1, highest: 1.02),
            .init(workerCount: 2, lowest: 1.9, median: 1.95, highest: 1.97),
            .init(workerCount: 4, lowest: 1.9, median: 1.96, highest: 2),
        ], serialShare: 0.25, coreCount: 2, subtitle: "a <b> & c")

    @Test func amdahlStartsAtOneAndIsBoundedByTheSerialShare() {
        #expect(chart.amdahl(1) == 1)
        #expect(abs(chart.amdahl(3) - 2) < 1e-12)
        #expect(chart.amdahl(1e9) < 4)
    }

    @Test func drawsEveryPointAndEscapesText() {
        let text = chart.rendered()
        #expect(text.split(separator: "<circle").count == 4)
        #expect(text.contains("a &lt;b&gt; &amp; c"))
        #expect(text.contains("cores run out: 2"))
        #expect(text.contains(">1.95</text>"))
        #expect(text.hasSuffix("</svg>\n"))
    }

    /// Within the frame: x from 70 to 590, y from 70 to 440, larger speedups higher up.
    @Test func pointsLieInTheFrame() {
        let places = chart.rendered().split(separator: "\n").filter { $0.contains("<circle") }.map {
            line in
            ["cx", "cy"].map { name -> Double in
                let value = line.split(separator: name + "=\"")[1].prefix { $0 != "\"" }
                return Double(value) ?? .nan
            }
        }
        #expect(places.allSatisfy { 70...590 ~= $0[0] && 70...440 ~= $0[1] })
        #expect(places[0][0] < places[1][0] && places[1][0] < places[2][0])
        #expect(places[0][1] > places[1][1])
    }

    @Test func coresBeyondTheAxisAreNotDrawn() {
        var wide = chart
        wide.coreCount = 64
        #expect(!wide.rendered().contains("cores run out"))
    }
}
