import Formats
import Foundation
import Journal
import RunFolder
import TestSupport
import Testing

/// What the tests share: the programs, a small data set, and one finished run of a small job.
enum Lab {
    static let coordinator = productsDirectory.appending(path: "coordinator")
    static let worker = productsDirectory.appending(path: "worker")
    static let bench = productsDirectory.appending(path: "bench")

    /// Gone with the process that runs the tests.
    static let folder: String = {
        let path = FileManager.default.temporaryDirectory.path + "/manyheads-\(UUID().uuidString)"
        atexit { try? FileManager.default.removeItem(atPath: Lab.folder) }
        return path
    }()

    /// The folder of the small data set.
    static let data: Result<String, any Error> = Result {
        try SyntheticData().write(to: folder + "/data")
        return folder + "/data"
    }

    private static let referenceRun = Task {
        let job = try Job()
        let path = folder + "/reference"
        let run = try await job.run(in: path, ["--workers", "1", "--save-features"])
        try #require(run.status == 0, "\(run.standardError)")
        return FinishedRun(
            job: job, path: path, output: run.standardOutput, log: run.standardError,
            results: try RunDirectory.readResults(in: path))
    }

    /// The run with one local worker that the others are compared with, run once.
    static var reference: FinishedRun {
        get async throws { try await referenceRun.value }
    }
}

/// A run that went to its end.
struct FinishedRun: Sendable {
    let job: Job
    let path: String
    let output: String
    let log: String
    let results: RunResults

    /// Copies its folder, some of its files left out.
    func copy(to folder: String, without artefacts: [RunDirectory.Artefact] = []) throws {
        try FileManager.default.copyItem(atPath: path, toPath: folder)
        for artefact in artefacts {
            try FileManager.default.removeItem(
                atPath: RunDirectory.path(of: artefact, in: folder))
        }
    }
}

/// The options of a small job: 6 classes, 57 heads, 1,200 training rows.
struct Job: Sendable {
    var dataset = "mnist"
    var dataDirectory: String?
    var classes = "0-5"
    var every = 1
    var fraction = 1.0
    var epochs = 1
    var headEpochs = 10
    /// In place of epochs; with this penalty, or one that is chosen.
    var converges = false
    var l2: Double?
    var headMode = "frozen"
    var heads = "subsets"
    var initialisation = "glorot"
    var bind = "tcp://127.0.0.1:0"

    /// The job on the small data set.
    init() throws {
        dataDirectory = try Lab.data.get()
    }

    /// A job of some seconds of one worker's time, so that something can happen on the way.
    static func long() throws -> Job {
        var job = try Job()
        job.headEpochs = 2_000
        return job
    }

    func arguments(in runDirectory: String) -> [String] {
        [
            "run", "--dataset", dataset, "--classes", classes, "--every", "\(every)",
            "--fraction", "\(fraction)", "--epochs", "\(epochs)",
            "--head-epochs", converges ? "converge" : "\(headEpochs)", "--head-mode", headMode,
            "--heads", heads, "--head-init", initialisation, "--threads", "1", "--bind", bind,
            "--run-dir", runDirectory,
        ] + (dataDirectory.map { ["--data-dir", $0] } ?? []) + (l2.map { ["--l2", "\($0)"] } ?? [])
    }

    /// Starts a coordinator.
    func start(
        in runDirectory: String, _ more: [String] = [], environment: [String: String] = [:]
    ) throws -> RunningProcess {
        try RunningProcess(
            Lab.coordinator, arguments(in: runDirectory) + more, environment: environment)
    }

    /// Runs a coordinator to its end.
    func run(
        in runDirectory: String, _ more: [String] = [], environment: [String: String] = [:]
    ) async throws -> (status: Int32, standardOutput: String, standardError: String) {
        try await TestSupport.run(
            Lab.coordinator, arguments(in: runDirectory) + more, environment: environment,
            within: .seconds(120))
    }

    /// Runs to the end, from the reference's backbone, and reads the results.
    func results(
        in runDirectory: String, _ more: [String], environment: [String: String] = [:]
    ) async throws -> RunResults {
        try await beginWithBackbone(in: runDirectory)
        let run = try await run(in: runDirectory, more, environment: environment)
        try #require(run.status == 0, "\(run.standardError)")
        return try RunDirectory.readResults(in: runDirectory)
    }

    /// Makes a run directory of this job that holds the reference's backbone, as an interrupted
    /// run would have left it; head options may differ from the reference's.
    func beginWithBackbone(in runDirectory: String) async throws {
        let reference = try await Lab.reference
        var config = try RunDirectory.readConfig(in: reference.path)
        config["head_epochs"] = converges ? "converge" : .integer(Int64(headEpochs))
        if converges {
            config["l2"] = l2.map { .number($0) } ?? "cross-validated"
            config["head_dropout"] = 0
        }
        config["heads"] = .string(heads)
        config["head_init"] = .string(initialisation)
        try FileManager.default.createDirectory(
            atPath: runDirectory, withIntermediateDirectories: true)
        let source = try RunJournal(path: RunDirectory.path(of: .journal, in: reference.path))
        let journal = try RunJournal.create(
            path: RunDirectory.path(of: .journal, in: runDirectory), config: config)
        var entries = JournalEntries()
        entries.backbone = try source.backbone()
        try journal.commit(entries)
        journal.close()
        try Data(try JSONFile.encode(config)).write(
            to: URL(filePath: RunDirectory.path(of: .config, in: runDirectory)))
    }
}

/// How far the journal in a run directory has come; nothing while there is none.
func progress(in runDirectory: String) -> JournalProgress {
    let journal = try? RunJournal(path: RunDirectory.path(of: .journal, in: runDirectory))
    defer { journal?.close() }
    return (try? journal?.progress()) ?? JournalProgress(epochCount: 0, headCount: 0)
}

/// Starts a worker with one thread.
func startWorker(
    _ endpoint: String, name: String, _ more: [String] = ["--threads", "1"],
    environment: [String: String] = [:]
) throws -> RunningProcess {
    try RunningProcess(
        Lab.worker, ["--connect", endpoint, "--name", name] + more, environment: environment)
}

/// The endpoint a coordinator says that workers connect to.
func endpoint(of coordinator: RunningProcess) async throws -> String {
    let line = try await coordinator.line(containing: "workers connect to tcp://")
    return try #require(line.split(separator: " ").last.map(String.init))
}

/// A file's bytes.
func bytes(of path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: path)))
}
