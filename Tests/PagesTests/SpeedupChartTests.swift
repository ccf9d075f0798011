import Display
import Foundation
import Pages
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
        #expect(abs((chart.amdahl(3) ?? 0) - 2) < 1e-12)
        #expect((chart.amdahl(1e9) ?? 9) < 4)
    }

    @Test func drawsEveryPointAndEscapesText() {
        let text = chart.rendered()
        #expect(text.split(separator: "\n<circle").count == 4)
        #expect(text.contains("a &lt;b&gt; &amp; c"))
        #expect(text.contains("cores run out: 2"))
        #expect(text.contains(">1.95</text>"))
        #expect(text.hasSuffix("</svg>\n"))
    }

    /// Within the frame, larger speedups higher up.
    @Test func pointsLieInTheFrame() {
        let places = chart.rendered().split(separator: "\n").filter { $0.hasPrefix("<circle") }.map
        {
            line in
            ["cx", "cy"].map { name -> Double in
                let value = line.split(separator: name + "=\"")[1].prefix { $0 != "\"" }
                return Double(value) ?? .nan
            }
        }
        #expect(places.allSatisfy { 52...466 ~= $0[0] && 76...396 ~= $0[1] })
        #expect(places[0][0] < places[1][0] && places[1][0] < places[2][0])
        #expect(places[0][1] > places[1][1])
    }

    @Test func coresBeyondTheAxisAreNotDrawn() {
        var wide = chart
        wide.coreCount = 64
        #expect(!wide.rendered().contains("cores run out"))
        #expect(wide.rendered().contains("cores do not run out: 64"))
    }

    @Test func whatIsNotKnownIsNotDrawn() {
        var bare = chart
        bare.coreCount = nil
        bare.serialShare = nil
        #expect(!bare.rendered().contains("class=\"cores"))
        #expect(!bare.rendered().contains("Amdahl"))
        #expect(bare.amdahl(2) == nil)
    }

    /// A text's box by a generous guess at its letters' width.
    private struct Label: CustomStringConvertible {
        let description: String
        let left: Double
        let right: Double
        let baseline: Double

        init?(_ line: Substring) {
            func value(_ name: String) -> Double? {
                line.split(separator: " \(name)=\"").dropFirst().first
                    .flatMap { Double($0.prefix { $0 != "\"" }) }
            }
            guard line.hasPrefix("<text"), let x = value("x"), let y = value("y") else {
                return nil
            }
            description = String(line.split(separator: ">")[1].prefix { $0 != "<" })
            let size = line.contains("title") ? 9.5 : 7
            let width = Double(description.count) * size
            left =
                line.contains("\"end\"") ? x - width : line.contains("middle") ? x - width / 2 : x
            right = left + width
            baseline = y
        }

        func covers(_ other: Label) -> Bool {
            left < other.right && other.left < right && abs(baseline - other.baseline) < 12
        }
    }

    /// Counts as people give them, perfect and poor scaling, few and many cores, much and no overhead.
    @Test(
        arguments: [[1], [1, 2], [1, 2, 4], [1, 2, 4, 8, 16], [2, 3, 5, 7, 9], Array(1...64)],
        [0.0, 0.002, 0.3, 1])
    func noTextCoversAnother(counts: [Int], serialShare: Double) throws {
        for cores in [nil, 1, 2, 4, 16, 64] as [Int?] {
            for exponent in [1, 0.9, 0.1] {
                let points = counts.map { count in
                    let speedup = pow(Double(count), exponent)
                    return SpeedupChart.Point(
                        workerCount: count, lowest: speedup * 0.9, median: speedup,
                        highest: speedup * 1.05)
                }
                let text = SpeedupChart(
                    points: points, serialShare: serialShare, coreCount: cores,
                    subtitle: "medians and range of 3 trials on 2 cores; one worker: 4.2s"
                ).rendered()
                let labels = text.split(separator: "\n").compactMap(Label.init)
                let size = text.split(separator: "viewBox=\"0 0 480 ")[1].prefix { $0 != "\"" }
                let height = try #require(Double(size))
                #expect(labels.count > 8)
                for (index, label) in labels.enumerated() {
                    let covered = labels[..<index].filter { label.covers($0) }
                    #expect(covered.isEmpty, "\(label) covers \(covered), cores: \(cores ?? 0)")
                    #expect(label.left >= 0 && label.right <= 480 && label.baseline <= height)
                }
                // The number that a reader looks for first is always there.
                let last = Format.decimal(points.last?.median ?? 0, places: 2)
                #expect(labels.contains { $0.description == last }, "\(counts) \(exponent)")
            }
        }
    }
}
