import Foundation
import Glibc
import TestSupport
import Testing

private let python = URL(filePath: "/usr/bin/python3")
private let hasPython = FileManager.default.isExecutableFile(atPath: python.path)

/// `Scripts/compare-peers` without any peer: what makes the table of what was measured, and what
/// measures commands of ours in place of the peers.
@Suite(.enabled(if: hasPython, "needs python3"), .timeLimit(.minutes(4)))
struct ComparePeersTests {
    private let script = packageRoot.appending(path: "Scripts/compare-peers")
    private let folder: TemporaryDirectory

    init() throws {
        folder = try TemporaryDirectory()
    }

    @Test func theTableSaysWhatWasMeasuredAndWhatWasNot() async throws {
        let file = try folder.write(measured, to: "measured.json")
        let table = packageRoot.appending(path: "Scripts/peers/table.py").path
        let outcome = try await run(python, ["-B", table, file])
        #expect(outcome.status == 0, "\(outcome.standardError)")
        let lines = outcome.standardOutput.split(separator: "\n").map(String.init)
        #expect(lines.filter { $0.hasPrefix("|") } == rows)
        #expect(lines.filter { $0.hasPrefix("<sup>") } == notes)
        #expect(lines[0].contains("2 cores of Abacus 9"))
        #expect(lines[0].contains("JAX 0.10, PyTorch not installed"))
        #expect(lines.last?.contains("up to 3 rounds") == true)
        #expect(lines.last?.contains("widest spread is 24%") == true)
    }

    /// Runs the measuring program on the cases `program` defines.
    private func measuring(_ program: String) throws -> RunningProcess {
        try RunningProcess(
            python,
            ["-B", "-c", session + program, packageRoot.appending(path: "Scripts/peers").path],
            directory: folder.url)
    }

    @Test func aPeerThatFailsIsAResultAndTheOthersAreKept() async throws {
        let program = """
            go(case("good", GOOD), case("crash", "echo noise; echo out of luck >&2; exit 3"),
               case("slow", "sleep 60 & echo $! > $TOP/sleeper; wait", limit=1),
               case("garbage", "echo hello"), case("absent", GOOD, package="torch"))
            """
        let first = try measuring(program)
        #expect(try await first.exitStatus() == 0)
        #expect(
            first.standardOutput == """
                absent 0 torch is not installed
                crash 0 status 3: out of luck
                garbage 0 cannot be read
                good 0 7
                good 1 7
                slow 0 not done in 1 seconds

                """)
        #expect(!isRunning(try pid("sleeper")))
        // What went well is not measured again, what did not is.
        let second = try measuring(program)
        #expect(try await second.exitStatus() == 0)
        #expect(second.standardOutput == first.standardOutput)
        #expect(try lineCount("good-ran") == 2)
    }

    @Test func aSignalEndsWhatRunsAndKeepsWhatWasMeasured() async throws {
        // Its own error output is kept for the record, so it speaks through this program's.
        let process = try measuring(
            """
            go(case("good", GOOD),
               case("slow", "sleep 60 & echo $! > $TOP/sleeper; echo waits > /proc/$PPID/fd/2; wait"))
            """)
        try await process.line(containing: "waits")
        process.send(SIGINT)
        #expect(try await process.exitStatus() == 130)
        #expect(process.standardError.contains("goes on from it"))
        #expect(!isRunning(try pid("sleeper")))
        let kept = try String(
            contentsOf: URL(filePath: folder.path("measurements.jsonl")), encoding: .utf8)
        #expect(kept.split(separator: "\n").count == 2)
    }

    @Test func refusesWhatItCannotUse() async throws {
        for words in [
            ["--fast"], ["--rounds", "0"], ["--case", "none-such"], ["--only", "all"], ["--env"],
        ] {
            let outcome = try await run(script, words)
            #expect(outcome.status == 64, "\(words): \(outcome.standardError)")
            #expect(outcome.standardError.split(separator: "\n").count == 1)
        }
        #expect(try await run(script, ["--torch-wheel", folder.path("none")]).status == 65)
    }

    @Test func listsItsCases() async throws {
        let outcome = try await run(script, ["--list", "--case", "heads-6000-pairs-*"])
        #expect(outcome.status == 0, "\(outcome.standardError)")
        let names = outcome.standardOutput.split(separator: "\n")
        #expect(names.contains("heads-6000-pairs-ours"))
        #expect(names.contains("heads-6000-pairs-ours-optimum"))
        #expect(names.contains("heads-6000-pairs-jax-exact"))
        #expect(names.allSatisfy { $0.hasPrefix("heads-6000-pairs-") })
    }

    private func pid(_ name: String) throws -> pid_t {
        let text = try String(contentsOf: URL(filePath: folder.path(name)), encoding: .utf8)
        return try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    private func lineCount(_ name: String) throws -> Int {
        try String(contentsOf: URL(filePath: folder.path(name)), encoding: .utf8)
            .split(separator: "\n").count
    }

    private func isRunning(_ process: pid_t) -> Bool {
        // One that has ended may wait to be reaped by whoever inherited it.
        let status = try? String(
            contentsOf: URL(filePath: "/proc/\(process)/stat"), encoding: .utf8)
        return status.map { !$0.contains(") Z ") } ?? false
    }
}

/// Cases that are shell scripts, measured in two rounds and printed, sorted.
private let session = #"""
    import json, os, pathlib, sys, types
    sys.path.insert(0, sys.argv[1])
    import compare, plan
    top = pathlib.Path.cwd()
    figures = json.dumps({"figures": [{"peer": "good", "threads": 1, "train": 7}]})
    GOOD = f"echo run >> $TOP/good-ran; echo talk; echo '{figures}'"
    def case(name, script, **more):
        return plan.Case(
            name, [{"peer": name, "threads": 1}], ["/bin/sh", "-c", script], plan.read_figures,
            threads=1, environment={"TOP": str(top)}, **more)
    def go(*cases):
        path = top / "measurements.jsonl"
        record = compare.Record(path, "the same")
        bench = types.SimpleNamespace(cpus=sorted(os.sched_getaffinity(0)))
        work = compare.Session(bench, record, {"torch": None})
        compare.ending_at_signals(lambda: work.go(cases, 2, 1), path)
        for figure in sorted(record.figures(), key=lambda f: (f["peer"], f["round"])):
            outcome = figure.get("error") or str(figure["train"])
            print(figure["peer"], figure["round"], outcome.partition(": JSON")[0])

    """#

private let measured = """
    {
      "command": "Scripts/compare-peers", "date": "1 May 2026", "cpu": "Abacus 9", "cores": 2,
      "commit": "abc1234", "malloc": "on beads", "foreign": "none",
      "versions": {"JAX": "0.10", "PyTorch": null}, "backbone_epochs": {"6,000": 12},
      "figures": [
        {"peer": "ours", "rows": 6000, "heads": "pairs", "seconds": 0.21, "round": 0},
        {"peer": "ours", "rows": 6000, "heads": "pairs", "seconds": 0.25, "round": 1},
        {"peer": "ours", "rows": 6000, "heads": "pairs", "seconds": 0.2, "round": 2},
        {"peer": "ours", "rows": 6000, "heads": "pairs", "seconds": 9, "foreign": 1.5, "round": 2},
        {"peer": "ours", "rows": 6000, "heads": "all", "seconds": 2.0, "round": 0},
        {"peer": "ours", "rows": 6000, "heads": "all", "round": 0,
         "accuracy": {"all_vs_all": 0.873, "tree": 0.874, "refit": 0.877}},
        {"peer": "jax-exact", "rows": 6000, "heads": "pairs", "seconds": 0.84, "round": 0,
         "accuracy": {"all_vs_all": 0.8712}},
        {"peer": "jax-exact", "rows": 6000, "heads": "all", "error": "status 137", "round": 0},
        {"peer": "jax-shared", "rows": 6000, "heads": "all", "seconds": 3.0, "round": 0,
         "foreign": 0.9},
        {"peer": "keras-whole", "rows": 6000, "heads": "all", "seconds": 19194.3,
         "part": "2 heads", "round": 0},
        {"peer": "torch-loop", "rows": 6000, "heads": "pairs", "error": "no torch", "round": 0},
        {"peer": "torch-loop", "rows": 6000, "heads": "all", "error": "no torch", "round": 0},
        {"peer": "ours", "threads": 2, "train": 3250.4, "features": 8000, "round": 0},
        {"peer": "ours", "threads": 2, "accuracy": {"one_vs_all": 0.8667}, "round": 0},
        {"peer": "ours", "threads": 1, "train": 1790, "features": null, "round": 0},
        {"peer": "keras", "threads": 2, "train": 1300, "features": 4000, "round": 0},
        {"peer": "ours-hard-vote", "classes": 10, "predict": 2400000, "round": 0},
        {"peer": "ours-hard-vote", "classes": 150, "predict": 8000, "round": 0},
        {"peer": "numpy-predict", "classes": 10, "predict": 1200000, "round": 0},
        {"peer": "sklearn-predict", "classes": 150, "predict": 16, "round": 0}
      ]
    }
    """

/// Medians of what was not disturbed; what failed or is missing; what was extrapolated; ours against the best of each column.
private let rows = [
    "|  | minibatches | 45 pairs, 6,000 rows | 1,013 heads, 6,000 rows | accuracy, 6,000 rows |",
    "| --- | --- | ---: | ---: | ---: |",
    "| **Manyheads, a worker a core** | each head's own | 0.21 | 2.00 | 87.3% / 87.4% / 87.7% |",
    "| JAX, a head's step vmapped over all heads | each head's own | 0.84 | none<sup>1</sup> | 87.1% / - / - |",
    "| JAX, one product for all heads | shared: an easier job | - | 3.00<sup>2</sup> | - |",
    "| PyTorch per head, autograd, a process a core | each head's own | none<sup>3</sup> | none<sup>3</sup> | - |",
    "| Keras as the post does it: the frozen backbone in every head's model | each head's own | - | ≈ 19,200<sup>4</sup> | - |",
    "| Manyheads, a worker a core, against the fastest of the same job |  | **4.00×** | **9,597×** |  |",
    "| … against the fastest of all |  | **4.00×** | **1.50×** |  |",
    "|  | precision | training, 2 threads | training, 1 thread | features, 2 threads | features, 1 thread | accuracy |",
    "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    "| **Manyheads** | fp32 | 3,250 | 1,790 | 8,000 | - | 86.7% |",
    "| Keras on TensorFlow | fp32 | 1,300 | - | 4,000 | - | - |",
    "| Manyheads against the faster | fp32 | **2.50×** | - | **2.00×** | - |  |",
    "|  | 10 classes | 150 classes |",
    "| --- | ---: | ---: |",
    "| **Manyheads, all pairs, hard vote** | 2,400,000 | 8,000 |",
    "| NumPy, one product with all pairs, hard vote | 1,200,000 | - |",
    "| scikit-learn OneVsOneClassifier.predict | - | 16.0 |",
    "| Hard vote against NumPy | **2.00×** | - |",
    "| Hard vote against scikit-learn OneVsOneClassifier.predict | - | **500×** |",
]

private let notes = [
    "<sup>1</sup> status 137  ",
    "<sup>2</sup> disturbed: others kept more than half a core busy  ",
    "<sup>3</sup> no torch  ", "<sup>4</sup> extrapolated from 2 heads  ",
]
