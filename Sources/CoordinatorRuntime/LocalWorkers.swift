import Foundation
import Glibc
import Synchronization

/// Worker processes: started, and reaped whatever happens.
///
/// Each holds the reading end of a pipe as its standard input and ends when that closes, so that
/// none outlives this process however it ends.
final class LocalWorkers: Sendable {
    /// What to do when a worker ends that nobody stopped.
    enum LossPolicy: Sendable {
        /// Start it again, unless it cannot run here at all or did so too often.
        case startAgain
        /// Nobody takes its place: the first loss is said here, and whoever hears it stops the rest.
        case report(@Sendable (RunError) -> Void)
    }

    private struct Slot {
        let process: Process
        let lifeline: Pipe
        let startedAt: ContinuousClock.Instant
        /// Whether it leads a group of its own, with all that it started.
        let hasGroup: Bool

        var isAlive: Bool {
            process.isRunning || hasGroup && Glibc.kill(-process.processIdentifier, 0) == 0
        }

        func kill() {
            let identifier = process.processIdentifier
            _ = Glibc.kill(hasGroup ? -identifier : identifier, SIGKILL)
        }
    }

    private struct State {
        var slots: [Int: Slot] = [:]
        var restartCount = 0
        var isStopping = false
        var loss: RunError?
    }

    /// Deaths after which no more workers are started: something is wrong with this machine.
    private static let restartCountMax = 100
    /// A worker that dies sooner than this is not started again: it cannot run here at all.
    private static let shortestLife = Duration.milliseconds(200)

    private let launches: [WorkerLaunch]
    private let policy: LossPolicy
    private let console: Console
    private let state = Mutex(State())

    /// Prepares to start these workers.
    init(_ launches: [WorkerLaunch], onLoss policy: LossPolicy, console: Console) {
        self.launches = launches
        self.policy = policy
        self.console = console
    }

    /// Why the first worker was lost; nil while none was, or they are started again.
    var loss: RunError? { state.withLock { $0.loss } }

    /// Starts all of them.
    func start() throws(RunError) {
        for index in launches.indices { try start(index) }
    }

    private func start(_ index: Int) throws(RunError) {
        let launch = launches[index]
        let process = Process()
        let lifeline = Pipe()
        process.executableURL = launch.executable
        process.arguments = launch.arguments
        process.standardInput = lifeline
        // Before it starts: a pipe holds so much by itself, and nobody can have closed it yet.
        try? lifeline.fileHandleForWriting.write(contentsOf: Data(launch.input.utf8))
        process.standardOutput = FileHandle.nullDevice
        process.terminationHandler = { [weak self] process in self?.ended(index, process) }
        do {
            // Under the lock, or the end of a very short life would be handled before it is known.
            try state.withLock { state in
                guard !state.isStopping else { return }
                let startedAt = ContinuousClock.now
                try Self.withNoSignalBlocked { try process.run() }
                let identifier = process.processIdentifier
                state.slots[index] = Slot(
                    process: process, lifeline: lifeline, startedAt: startedAt,
                    hasGroup: getpgid(identifier) == identifier)
            }
        } catch {
            throw RunError(.unavailable, "cannot start \(launch.executable.path): \(error)")
        }
    }

    /// Runs `body` with no signal blocked in this thread, as a process that it starts inherits.
    ///
    /// Dispatch's threads block nearly all, and a shell that blocks SIGCHLD waits for ever.
    private static func withNoSignalBlocked(_ body: () throws -> Void) rethrows {
        var none = sigset_t()
        var before = sigset_t()
        unsafe sigemptyset(&none)
        unsafe pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
        try body()
    }

    /// Sends a signal to the worker in a slot, if there is one.
    func send(_ signal: Int32, to index: Int) {
        // Under the lock: a process that has been reaped is in no slot.
        state.withLock { state in
            guard let process = state.slots[index]?.process, process.isRunning else { return }
            kill(process.processIdentifier, signal)
        }
    }

    private func ended(_ index: Int, _ process: Process) {
        let status = process.terminationStatus
        let isSignal = process.terminationReason == .uncaughtSignal
        let slot = state.withLock { $0.isStopping ? nil : $0.slots.removeValue(forKey: index) }
        guard let slot else { return }
        let how = isSignal ? "was killed by signal \(status)" : "exited with status \(status)"
        switch policy {
        case .report(let report):
            // An end in peace too: whoever hears of it knows whether the work was done.
            let loss = RunError(
                .unavailable,
                "\(launches[index].title) \(how) before the work was done; what it said is above")
            let isFirst = state.withLock { state in
                defer { state.loss = state.loss ?? loss }
                return state.loss == nil
            }
            if isFirst { report(loss) }
        case .startAgain:
            guard status != 0 || isSignal else { return }
            if !isSignal && status == RunError.Code.unavailable.exitStatus {
                // Refused or sent away: the same again would be, or worse, would not.
                console.log(.warning, "\(launches[index].title) \(how) and is not started again")
                return
            }
            startAgain(index, how, hasLived: slot.startedAt.duration(to: .now) > Self.shortestLife)
        }
    }

    private func startAgain(_ index: Int, _ how: String, hasLived: Bool) {
        let isWorthwhile = state.withLock { state in
            guard hasLived else { return false }
            state.restartCount += 1
            return state.restartCount <= Self.restartCountMax
        }
        console.log(
            .warning,
            "\(launches[index].title) \(how); \(isWorthwhile ? "starting it again" : "it stays away")"
        )
        guard isWorthwhile else { return }
        do { try start(index) } catch { console.log(.error, error.message) }
    }

    /// Ends all workers and returns when they are reaped.
    ///
    /// Their standard input closes, which ends a healthy worker; what is left after a grace is
    /// killed with all it started.
    func stop() {
        let slots = state.withLock { state in
            state.isStopping = true
            return state.slots.sorted { $0.key < $1.key }
        }
        for (_, slot) in slots { try? slot.lifeline.fileHandleForWriting.close() }
        let start = ContinuousClock.now
        for (index, slot) in slots {
            let deadline = start + .seconds(launches[index].graceSeconds)
            while slot.isAlive && ContinuousClock.now < deadline {
                Thread.sleep(forTimeInterval: 0.005)
            }
            if slot.isAlive { slot.kill() }
            slot.process.waitUntilExit()
        }
    }
}
