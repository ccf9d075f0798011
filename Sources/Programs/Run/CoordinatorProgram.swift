import CoordinatorNetwork
import Decoding
import Display
import FeatureSource
import Fleet
import Formats
import Foundation
import HeadTraining
import Heads
import ImageData
import LeNet
import Numerics
import RunFolder
import Scheduling
import Sessions
import Simulation
import StudyWork
package import System
import Transfer
import WireProtocol
import ZeroMQ

/// `coordinator run`, from data to artefacts: one phase after the other, each awaited.
///
/// This file is the order of things; what a phase does is in the phase's own.
package final class CoordinatorProgram: Sendable {
    /// Threads besides those of the backbone and of the evaluation: the network's, the journal's,
    /// libzmq's, and some of the run time.
    private static let otherThreadCount = 12

    private let options: RunOptions
    private let console: Console

    /// A run with these options, which have been checked.
    package init(_ options: RunOptions) {
        self.options = options
        console = Console(
            minimum: options.isQuiet ? .warning : options.logLevel,
            showsProgress: !options.isQuiet)
    }

    /// Runs to the end, or until SIGINT or SIGTERM; prints the result on standard output.
    ///
    /// - Parameter isUnasked: it is what the program does where no command is given, and says so first.
    /// - Throws: `RunError` with the exit status and one sentence; after a signal the sentence says
    ///   what is kept.
    package func run(isUnasked: Bool = false) async throws(RunError) {
        if isUnasked {
            console.log(
                .info,
                "no command was given, so this is coordinator run: it has workers train heads on \(options.userData?.train ?? options.dataset.rawValue); coordinator --help lists options and other commands"
            )
        }
        try await Self.endingAtSignals(options, console) {
            try await self.runPhases($0, $1)
        }
    }

    /// Does the work, and cancels it at a signal that asks a program to end; a second one ends the
    /// process where it stands.
    ///
    /// The signals are those of ``TerminationSignal``, SIGHUP only without a list to read again.
    ///
    /// - Parameter work: gets who may join by the options, whose list is read again at SIGHUP.
    /// - Throws: what the work throws, and `interrupted`, once the work has ended.
    static func endingAtSignals(
        _ options: RunOptions, _ console: Console,
        _ work: @escaping @Sendable (KeptFiles, Admission?) async throws -> Void
    ) async throws(RunError) {
        let admission = try options.admission()
        // libgomp and libzmq end the process where they get none.
        try SystemLimit.checkThreads(2 * options.threads + otherThreadCount)
        let kept = KeptFiles()
        // `_exit`: no destructor of a library may wait for its threads, or fall over them.
        let watcher = try SignalWatcher(TerminationSignal.ending(withHangUp: admission == nil)) {
            _exit($0.exitStatus)
        }
        defer { watcher.stop() }
        let reader = admission == nil ? nil : try SignalWatcher([.hangUp])
        defer { reader?.stop() }
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await work(kept, admission) }
                group.addTask { try await throwAtSignal(watcher) }
                if let admission, let reader {
                    group.addTask {
                        for await _ in reader.signals { readAgain(admission, console) }
                        try Task.checkCancellation()
                    }
                }
                // The first to end decides; the other is cancelled and awaited.
                defer { group.cancelAll() }
                try await group.next()
            }
        } catch let interruption as Interruption {
            // The work has ended, and what it had is on the disk.
            throw RunError(
                .interrupted(signal: interruption.signal.number), "interrupted; \(kept.summary)")
        } catch let error as FormatError {
            throw runError(kept.completed(error))
        } catch {
            throw runError(error)
        }
    }

    private struct Interruption: Error {
        let signal: TerminationSignal
    }

    private static func throwAtSignal(_ watcher: SignalWatcher) async throws {
        for await signal in watcher.signals { throw Interruption(signal: signal) }
        throw CancellationError()
    }

    private static func readAgain(_ admission: Admission, _ console: Console) {
        do throws(RunError) {
            try admission.reload()
        } catch {
            console.log(.error, "\(error.message); the list read before stays in force")
        }
    }

    /// Gives every module's error its exit status.
    static func runError(_ error: any Error) -> RunError {
        switch error {
        case let error as RunError: error
        case let error as DatasetError:
            RunError(error.code == .invalidRequest ? .usage : .data, error.message)
        case let error as FormatError:
            RunError(error.code == .cannotWrite ? .cannotWrite : .data, error.message)
        case let error as RunFolderError:
            RunError(error.code == .inUse ? .unavailable : .usage, error.message)
        case let error as ZeroMQError: RunError(error)
        case let error as TransferError: RunError(.data, error.message)
        case let error as WireError: RunError(.internal, error.message)
        case let error as DecodingError: RunError(.data, error.message)
        case let error as TrialError: RunError(.data, error.description)
        case let error as HeadTrainingError:
            RunError(error.code == .unusableInput ? .data : .internal, error.message)
        case let error as BackboneError:
            switch error.code {
            case .diverged, .invalidConfiguration: RunError(.usage, error.message)
            case .invalidWeights, .invalidData: RunError(.data, error.message)
            case .outOfMemory:
                RunError(
                    .unavailable, error.message + SystemLimit.ending(ENOMEM))
            default: RunError(.internal, error.message)
            }
        case let error as SimulationError: RunError(.usage, error.message)
        case is CancellationError: RunError(.internal, "the run was cancelled")
        default: RunError(.internal, "\(error)")
        }
    }

    /// Reads the data; of a large file, says how far it is, and ends soon after a signal.
    private func read(_ flag: CancellationFlag) throws -> RunData {
        let name = options.userData?.train ?? options.dataset.rawValue
        console.show(.activity("reading \(name)"))
        return try RunData.load(options) { (share) throws(FormatError) in
            guard !flag.isCancelled else { throw .cannotRead(name, "the run was cancelled") }
            console.show(.activity("reading \(name)", share: share))
        }
    }

    private func runPhases(_ kept: KeptFiles, _ admission: Admission?) async throws {
        let clock = PhaseClock()
        let compute = try ComputePool(threadCount: options.threads, name: "evaluate")
        let data = try await compute.threads[0].run { flag in try self.read(flag) }
        console.note(options, data)
        let plan = try options.plan(classCount: data.classCount)
        try options.check(data)
        try data.checkMemory()
        let directory = try options.openDirectory(name: data.name)
        kept.open(directory)
        if let results = try directory.finishedResults(dataDigest: data.sha256) {
            let flaws = try directory.flaws(needsFeatures: options.savesFeatures)
            if flaws.isEmpty { return try printFormer(directory, results) }
            try announce(flaws, directory)
        }
        clock.end(\.data)
        let isFinished = directory.state == .finished
        if !isFinished { clock.timeline = TimelineFile(in: directory) }
        describe(data, plan, directory)
        let options = isFinished ? self.options.alone : self.options
        let admission = isFinished ? nil : admission

        var fleet = Fleet(bind: options.bind, admission: admission, observer: console) {
            "the coordinator ended: \(Self.runError($0).message)"
        }
        fleet.origin = clock.start
        fleet.waitLimit = options.waitLimit
        fleet.expectsOthers = directory.state == .unfinished
        let (results, trained) = try await fleet.run { endpoint in
            isFinished ? [] : try options.launches(endpoint, admission, console)
        } _: { [console] members in
            let backbone = try await BackbonePhase(options, console).run(
                data, directory, clock)
            let trained = try await TrainingPhase(
                options: options, data: data, plan: plan, backbone: backbone, pool: compute,
                console: console
            ).run(members.link, directory, clock)
            var choice: SchemeChoice?
            if data.hasValidation {
                choice = try await CalibrationPhase(pool: compute, console: console).run(
                    JudgedRows(
                        backbone.validationFeatures, labels: data.validationLabels,
                        answers: trained.answers, output: backbone.output,
                        classCount: data.classCount))
            }
            let evaluation = try await JudgedRows(
                backbone.testFeatures, labels: data.testLabels, answers: trained.answers,
                output: backbone.output, classCount: data.classCount
            ).evaluation(choice?.calibrations ?? [:], compute)
            clock.end(\.evaluate)
            let record = RunRecord(
                options: options, data: data, plan: plan, backbone: backbone,
                trained: trained, choice: choice, evaluation: evaluation)
            return (try record.write(to: directory, clock), trained)
        }
        // Whoever reads the results finds no worker still running.
        try show(results)
        // Last: the results are there, and say what is missing.
        try trained.checkComplete()
        await compute.shutdown()
    }
}

extension CoordinatorProgram {
    private func describe(_ data: RunData, _ plan: HeadPlan, _ directory: RunDirectory) {
        if directory.hasDamagedResults {
            console.log(
                .warning,
                "\(directory.path(of: .results)) is damaged; it is made again from the journal")
        }
        console.log(
            .info,
            "\(data.name): \(data.trainLabels.count.grouped) training\(data.hasValidation ? ", \(data.validationLabels.count.grouped) validation" : "") and \(data.testLabels.count.grouped) test rows of \(data.classCount.counted("class")); \(plan.heads.count.counted("head")); files in \(directory.path)"
        )
        if let first = data.wholeClasses.first {
            let count = data.wholeClasses.count
            console.log(
                .warning,
                "\(count == 1 ? "class \(first) has" : "\(count.counted("class")), the first of them \(first), have") one row, which is trained on and not held out"
            )
        }
    }

    /// Says which files of a finished run are made again.
    ///
    /// - Throws: `cannotWrite` or `data` where they cannot be.
    private func announce(_ flaws: [String], _ directory: RunDirectory) throws(RunError) {
        let flaws = "\(directory.path) holds a finished run, but \(flaws.joined(separator: ", "))"
        if directory.isReadOnly {
            throw RunError(
                .cannotWrite,
                "\(flaws), and the folder cannot be written; copy it to where files can be made, and give the copy as --run-dir"
            )
        }
        guard directory.journal != nil else {
            throw RunError(
                .data,
                "\(flaws), and its journal.sqlite, from which files are made again, is missing or damaged; restore one of them from a copy, or start over in another --run-dir"
            )
        }
        console.log(.info, "\(flaws); made again from the journal")
    }

    private func printFormer(_ directory: RunDirectory, _ results: RunResults) throws {
        console.log(.info, "\(directory.path) holds the finished run; nothing is left to do")
        try show(results)
    }

    private func show(_ results: RunResults) throws {
        let text =
            options.printsJSON
            ? String(decoding: try JSONFile.encode(results), as: UTF8.self)
            : RunRecord.table(of: results)
        try StandardStream.output(text)
    }
}

extension RunOptions {
    /// These options where everything is trained already: no worker is waited for or admitted.
    fileprivate var alone: RunOptions {
        var options = self
        (options.workers, options.minWorkers, options.verify) = (0, 1, 0)
        (options.bind, options.keyPath, options.allowPath) = ("tcp://127.0.0.1:0", nil, nil)
        return options
    }
}
