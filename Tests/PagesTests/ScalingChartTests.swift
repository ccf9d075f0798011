import Pages
import Testing

@Suite struct ScalingChartTests {
    private func chart(_ counts: [Int]) -> ScalingChart {
        ScalingChart(
            points: counts.map {
                .init(
                    workerCount: $0, speedup: Double($0) / (1 + Double($0) / 100),
                    shares: [0.75, 0.25, 0])
            }, uses: ["training", "broadcast <all>", "tail"], subtitle: "a <b> & c")
    }

    private func numbers(_ name: String, in lines: [Substring]) -> [Double] {
        lines.map { line in
            Double(line.split(separator: " \(name)=\"")[1].prefix { $0 != "\"" }) ?? .nan
        }
    }

    @Test(arguments: [[1], [1, 2], [4_096], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [1, 64, 4_096]])
    func drawsEveryPointInTheFrame(counts: [Int]) {
        let lines = chart(counts).rendered().split(separator: "\n")
        let circles = lines.filter { $0.hasPrefix("<circle") }
        #expect(circles.count == counts.count)
        let xs = numbers("cx", in: circles)
        let ys = numbers("cy", in: circles)
        #expect(xs.allSatisfy { 52...466 ~= $0 } && ys.allSatisfy { 50...350 ~= $0 })
        #expect(zip(xs, xs.dropFirst()).allSatisfy { $0 < $1 })
        #expect(zip(ys, ys.dropFirst()).allSatisfy { $0 > $1 })
    }

    @Test func labelsOfBarsKeepApart() {
        let labels = chart(Array(1...64)).rendered().split(separator: "\n").filter {
            $0.contains("%</text>") && $0.contains("middle")
        }
        let xs = numbers("x", in: labels)
        #expect(xs.count > 2)
        #expect(zip(xs, xs.dropFirst()).allSatisfy { $1 - $0 >= 42 })
    }

    @Test func namesWhatTakesTimeAndEscapesIt() {
        let text = chart([1, 2]).rendered()
        #expect(text.contains("broadcast &lt;all&gt;"))
        #expect(text.contains("a &lt;b&gt; &amp; c"))
        // Of no use anywhere, so not in the legend.
        #expect(!text.contains(">tail<"))
        #expect(text.hasSuffix("</svg>\n"))
    }

    @Test func aSpeedupBelowOneHasItsPlace() {
        let slow = ScalingChart(
            points: [.init(workerCount: 64, speedup: 0.3, shares: [1])], uses: ["training"],
            subtitle: "")
        #expect(slow.rendered().contains(">1/4</text>"))
    }
}
