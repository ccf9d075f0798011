import Decoding
import Formats
import Probe
import RunFolder
import Testing

@Suite struct ProbeResultsTests {
    /// What was found and what it was found with are on one level, and read back.
    @Test func resultsReadBackAsTheyWere() throws {
        let report = ProbeReport(
            data: .init(
                trainRows: 9, validationRows: nil, testRows: nil, classes: 2,
                classNames: ["a", "b"], featureCount: 1, sha256: "c", folds: 3),
            gapTolerance: 1e-6,
            path: [
                .oneVsAll: [
                    .init(
                        c: 1, heads: 1, certified: 1, gapMax: 1e-7, passes: 5, seconds: 0.5,
                        scores: .init(
                            rows: 9, correct: 8, nll: 0.25, brier: 0.5, ece: 0.125,
                            topFiveAccuracy: 1), digest: "d")
                ]
            ], choice: [:], refit: [:], digests: .init(heads: "e"), timing: .init(total: 1),
            heads: .init(trained: 2, resumed: 0, certified: 2))
        let results = ProbeResults(
            config: ["gap": .number(0.5), "c": .string("1")], report: report,
            workers: [
                .init(
                    name: "w", host: "h", isa: "avx2", threads: 2, heads: 2, busySeconds: 1,
                    peakRSSBytes: 3, bytesReceived: 4)
            ], versions: ["manyheads": "1"])
        let bytes = try JSONFile.encode(results)
        #expect(try JSONFile.decode(ProbeResults.self, from: bytes) == results)
        let file = try JSONFile.decode([String: JSONValue].self, from: bytes)
        #expect(
            file.keys.sorted() == [
                "choice", "config", "data", "digests", "gap_tolerance", "heads", "notes", "path",
                "refit", "timing", "versions", "workers",
            ])
        guard case .object(let path) = file["path"], case .array(let points) = path["one_vs_all"],
            case .object(let point) = points.first
        else {
            Issue.record("no path")
            return
        }
        #expect(point["top5_accuracy"]?.number == 1 && point["gap_max"]?.number == 1e-7)
    }
}
