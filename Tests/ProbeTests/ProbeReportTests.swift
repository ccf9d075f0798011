import Decoding
import Foundation
import Numerics
import Probe
import Testing

@Suite struct ProbeReportTests {
    private func scores(_ correct: Int, of rows: Int = 100, nll: Double = 1) -> ProbeReport.Scores {
        ProbeReport.Scores(
            rows: rows, correct: correct, nll: nll, brier: 0.5, ece: 0.125, topFiveAccuracy: 1)
    }

    private func point(_ c: Double, _ correct: Int, nll: Double = 1) -> ProbeReport.Point {
        ProbeReport.Point(
            c: c, heads: 3, certified: 3, gapMax: 1e-7, passes: 60, seconds: 0.5,
            scores: scores(correct, nll: nll), digest: "d")
    }

    private func report() throws -> ProbeReport {
        let path = [
            point(10, 90, nll: 0.3), point(0.1, 80, nll: 0.4), point(1, 90, nll: 0.5),
            ProbeReport.Point(skipped: 100, because: "it rose"),
        ]
        return ProbeReport(
            data: .init(
                trainRows: 900, validationRows: 100, testRows: 5, classes: 3,
                classNames: ["a", "b", "c"], featureCount: 4, sha256: "e", normalize: .l2),
            gapTolerance: 1e-6, path: [.oneVsAll: path],
            choice: [.oneVsAll: try #require(ProbeReport.Choice(from: path, by: .accuracy))],
            refit: [
                .oneVsAll: .init(rows: 1000, heads: 1, certified: 1, gapMax: .nan, digest: "f")
            ],
            test: [
                .oneVsAll: .init(
                    scores: scores(4, of: 5), classRows: [3, 0, 2], classCorrect: [3, 0, 1])
            ],
            digests: .init(heads: "g", predictions: "h"), timing: .init(path: 2, total: 3),
            heads: .init(trained: 10, resumed: 1, certified: 10), notes: ["so it is"])
    }

    @Test func jsonReadsBackAsItWas() throws {
        let report = try report()
        let bytes = try JSONEncoder().encode(report)
        #expect(try JSONDecoder().decode(ProbeReport.self, from: bytes) == report)
    }

    /// The names that readers of the file know, all figures of a point on one level.
    @Test func namesInTheFile() throws {
        let encoder = JSONEncoder()
        // As results.json is written; keys that are given stay as they are.
        encoder.keyEncodingStrategy = .convertToSnakeCase
        let object = try JSONSerialization.jsonObject(with: encoder.encode(try report()))
        let file = try #require(object as? [String: Any])
        func part(_ name: String) throws -> Any {
            try #require((file[name] as? [String: Any])?["one_vs_all"])
        }
        let points = try #require(try part("path") as? [[String: Any]])
        #expect(points.map { $0["c"] as? Double } == [0.1, 1, 10, 100])
        #expect(
            points[0].keys.sorted() == [
                "accuracy", "accuracy_high", "accuracy_low", "brier", "c", "certified", "correct",
                "digest", "ece", "gap_max", "heads", "nll", "passes", "rows", "seconds", "skipped",
                "top5_accuracy",
            ])
        #expect(points[3]["skipped"] as? Bool == true)
        #expect(points[3]["reason"] as? String == "it rose" && points[3]["accuracy"] == nil)
        let choice = try #require(try part("choice") as? [String: Any])
        #expect(choice.keys.sorted() == ["at_edge", "by", "c", "held_out"])
        #expect(choice["by"] as? String == "accuracy" && choice["c"] as? Double == 1)
        let refit = try #require(try part("refit") as? [String: Any])
        #expect(refit.keys.sorted() == ["certified", "digest", "heads", "rows"])
        let test = try #require(try part("test") as? [String: Any])
        let recall = try #require(test["recall"] as? [Any])
        #expect(recall.count == 3 && recall[1] is NSNull)
        #expect(test["balanced_accuracy"] as? Double == 0.75)
        #expect((file["data"] as? [String: Any])?["normalize"] as? String == "l2")
        #expect((file["heads"] as? [String: Any])?["resumed"] as? Int == 1)
    }

    @Test func aChoiceForEachHeadIsNullInTheFile() throws {
        let path = [point(0.1, 80), point(1, 90), point(10, 70)]
        let choice = ProbeReport.Choice(
            perHead: [10, 1, 10, 0.1, 10], by: .nll, path: path, heldOut: nil)
        #expect(choice.perHead?.map(\.c) == [0.1, 1, 10])
        #expect(choice.perHead?.map(\.heads) == [1, 1, 3])
        #expect(choice.isAtEdge && choice.headCount(at: 10, of: 5) == 3)
        #expect(choice.headCount(at: 2, of: 5) == 0)
        let bytes = try JSONEncoder().encode(choice)
        #expect(String(decoding: bytes, as: UTF8.self).contains("\"c\":null"))
        #expect(try JSONDecoder().decode(ProbeReport.Choice.self, from: bytes) == choice)
        let spread = ProbeReport.Choice(
            perHead: [10, 1, 10, 1], by: .nll, path: path, heldOut: nil)
        #expect(!spread.isAtEdge)
    }

    @Test func ofEqualsTheSmallestWhateverTheOrder() throws {
        let path = [point(10, 90), point(1, 90, nll: 0.5), point(0.1, 80), point(100, 90)]
        for order in [path, path.reversed(), [path[1], path[3], path[0], path[2]]] {
            let choice = try #require(ProbeReport.Choice(from: order, by: .accuracy))
            #expect(choice.c == 1 && !choice.isAtEdge)
            #expect(ProbeReport.Choice(from: order, by: .nll)?.c == 1)
        }
        #expect(ProbeReport.Choice(from: [.init(skipped: 1, because: "")], by: .nll) == nil)
    }

    @Test func theEndsOfASweep() {
        let path = [point(0.1, 80), point(1, 90), point(10, 70)]
        #expect(path.edge(at: 0.1) == .smallest && path.edge(at: 1) == nil)
        #expect(path.edge(at: 10) == .largest)
        #expect([point(1, 90)].edge(at: 1) == nil)
        // What lies beyond an early end is known to be worse.
        let ended = path + [ProbeReport.Point(skipped: 100, because: "it rose")]
        #expect(ended.edge(at: 10) == nil && ended.edge(at: 0.1) == .smallest)
    }

    @Test func intervalsAreWilsons() {
        let half = scores(50)
        #expect(half.accuracy == 0.5)
        #expect(abs(half.accuracyLow - 0.403_832) < 1e-6)
        #expect(abs(half.accuracyHigh - 0.596_168) < 1e-6)
        #expect(scores(0, of: 0).accuracy == 0)
    }

    @Test func theWorstClassesFirst() {
        let test = ProbeReport.Test(
            scores: scores(50), classRows: [10, 0, 10, 20, 4, 10],
            classCorrect: [5, 0, 10, 10, 1, 5])
        #expect(test.worstClasses(9) == [4, 3, 0, 5])
        #expect(test.worstClasses(2) == [4, 3])
        #expect(test.recall[1] == nil)
        #expect(test.balancedAccuracy == (0.5 + 1 + 0.5 + 0.25 + 0.5) / 5)
    }

    /// A file of anybody's is refused, not trapped on.
    @Test(arguments: [
        (#""correct":4"#, #""correct":6"#), (#""correct":4"#, #""correct":-1"#),
        (#""class_rows":[3,0,2]"#, #""class_rows":[3,2]"#),
    ]) func countsThatCannotBe(found: String, put: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let text = String(decoding: try encoder.encode(try report()), as: UTF8.self)
        let wrong = text.replacingOccurrences(of: found, with: put)
        #expect(wrong != text)
        #expect(throws: Swift.DecodingError.self) {
            try JSONDecoder().decode(ProbeReport.self, from: Data(wrong.utf8))
        }
    }
}
