import Display
import Scheduling
import Testing

@Suite struct ProgressTests {
    private let backbone = BackboneProgress(
        epoch: 3, epochCount: 12, rowsDone: 24_000, rowCount: 60_000, loss: 0.31234,
        accuracy: 0.8912,
        imagesPerSecond: 8_400, secondsLeft: 65)
    private let heads = HeadsProgress(
        headsDone: 420, headCount: 1_013, headsPerSecond: 25.6, gflopsPerSecond: 61.3,
        shareDone: 0.29, secondsLeft: 23,
        workers: [
            .init(name: "local-1", state: .training, headsDone: 215, headsPerSecond: 13.1),
            .init(
                name: "a-very-long-name-of-a-host-0001", state: .receiving, headsDone: 0,
                headsPerSecond: 0),
            .init(
                name: "café-東京\u{1B}[2J", state: .waiting, headsDone: 1_205, headsPerSecond: 12.5),
        ])

    @Test func linesForLogs() {
        #expect(
            ProgressLine.rendered(.backbone(backbone)) == "backbone: epoch 3/12 40%, loss 0.3123, "
                + "accuracy 89.12%, 8.40k images/s, 1m 05s left")
        var first = backbone
        (first.rowsDone, first.loss, first.accuracy, first.secondsLeft) = (0, nil, nil, nil)
        (first.imagesPerSecond, first.rowCount) = (0, 0)
        #expect(
            ProgressLine.rendered(.backbone(first)) == "backbone: epoch 3/12 0%, 0.00 images/s")
        #expect(
            ProgressLine.rendered(.heads(heads)) == "heads: 420/1,013 29%, 25.6 heads/s, "
                + "61.3 GFLOP/s, 23s left, 3 workers")
        var last = heads
        last.shareDone = 0.9999
        last.workers.removeLast(2)
        #expect(
            ProgressLine.rendered(.heads(last)) == "heads: 420/1,013 99%, 25.6 heads/s, "
                + "61.3 GFLOP/s, 23s left, 1 worker")
        #expect(ProgressLine.rendered(.activity("reading\tmnist")) == "reading?mnist")
    }

    @Test func backboneBlock() {
        #expect(
            ProgressDisplay.lines(.backbone(backbone), width: 80, height: 24) == [
                "Backbone: epoch 3/12",
                "  [################------------------------]  40%  24,000/60,000 rows",
                "  loss 0.3123, accuracy 89.12%, 8.40k images/s, 1m 05s left",
            ])
        #expect(
            ProgressDisplay.lines(.backbone(backbone), width: 40, height: 24) == [
                "Backbone: epoch 3/12",
                "  [####-------]  40%  24,000/60,000 rows",
                "  loss 0.3123, accuracy 89.12%, 8.40k i~",
            ])
        #expect(
            ProgressDisplay.lines(.backbone(backbone), width: 30, height: 24)[1]
                == "   40%  24,000/60,000 rows")
    }

    /// One of something is not many, and what is done has no time left.
    @Test func countsAndTimesAreSaidAsPeopleSayThem() {
        var last = heads
        last.noun = "units"
        (last.headsDone, last.headCount, last.shareDone, last.secondsLeft) = (1, 1, 1, 0)
        last.workers = [.init(name: "a", state: .waiting, headsDone: 1, headsPerSecond: 2)]
        #expect(
            ProgressLine.rendered(.heads(last)) == "units: 1/1 100%, 25.6 units/s, "
                + "61.3 GFLOP/s, 1 worker")
        let lines = ProgressDisplay.lines(.heads(last), width: 80, height: 24)
        #expect(lines.first == "Units: 1 worker")
        #expect(lines.last == "  a  waiting    1 unit    2.00/s")
        var rows = backbone
        rows.secondsLeft = 0.004
        #expect(!ProgressLine.rendered(.backbone(rows)).contains("left"))
    }

    @Test func headsBlock() {
        #expect(
            ProgressDisplay.lines(.heads(heads), width: 80, height: 24) == [
                "Heads: 3 workers",
                "  [###########-----------------------------]  29%  420/1,013 heads",
                "  25.6 heads/s, 61.3 GFLOP/s, 23s left",
                "  local-1                   training     215 heads   13.1/s",
                "  a-very-long-name-of-a-h~  receiving      0 heads   0.00/s",
                "  café-???[2J               waiting    1,205 heads   12.5/s",
            ])
        #expect(
            ProgressDisplay.lines(.heads(heads), width: 80, height: 6).dropFirst(3) == [
                "  local-1  training   215 heads   13.1/s", "  and 2 more with 1,205 heads",
            ])
    }

    // Whatever the terminal: no line too long, never more lines than fit, and no trap.
    @Test func staysWithinTheTerminal() {
        for state in [.backbone(backbone), .heads(heads), .activity("x")] as [ProgressState] {
            for width in 0...90 {
                for height in 0...12 {
                    let lines = ProgressDisplay.lines(state, width: width, height: height)
                    #expect(lines.allSatisfy { $0.count <= max(1, width) })
                    #expect(!lines.isEmpty && lines.count <= max(1, height - 1))
                }
            }
        }
        var odd = heads
        (odd.shareDone, odd.secondsLeft, odd.headsPerSecond) = (.nan, .infinity, .nan)
        #expect(
            ProgressDisplay.lines(.heads(odd), width: 80, height: 24)[2]
                == "  - heads/s, 61.3 GFLOP/s, - left")
    }

    @Test func redrawsInPlace() {
        var display = ProgressDisplay()
        #expect(display.clear() == "")
        #expect(display.draw(.activity("one"), width: 80, height: 24) == "one\u{1B}[K\n")
        #expect(
            display.draw(.activity("two"), width: 80, height: 24) == "\r\u{1B}[1Atwo\u{1B}[K\n")
        let block = display.draw(.backbone(backbone), width: 80, height: 24)
        #expect(block.hasPrefix("\r\u{1B}[1ABackbone: epoch 3/12\u{1B}[K\n  [#"))
        #expect(block.hasSuffix(" left\u{1B}[K\n"))
        // The last column stays free.
        let narrow = display.draw(.activity("123456"), width: 6, height: 24)
        #expect(narrow == "\r\u{1B}[3A1234~\u{1B}[K\n\u{1B}[J")
        _ = display.draw(.backbone(backbone), width: 80, height: 24)
        // Fewer lines than before: the rest goes.
        #expect(
            display.draw(.activity("end"), width: 80, height: 24)
                == "\r\u{1B}[3Aend\u{1B}[K\n\u{1B}[J")
        #expect(display.clear() == "\r\u{1B}[1A\u{1B}[J")
        #expect(display.clear() == "")
        _ = display.draw(.activity("kept"), width: 80, height: 24)
        display.keep()
        #expect(display.draw(.activity("next"), width: 80, height: 24) == "next\u{1B}[K\n")
    }
}
