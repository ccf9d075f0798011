import Foundation
import Synchronization

/// The worker processes of `--workers N`: started, started again if they die, and reaped.
///
/// Each holds the reading end of a pipe as its standard input and ends when that closes, so that
/// none outlives this process however it ends.
final class LocalWorkers: Sendable {
    private struct Slot {
        let process: Process
        let lifeline: Pipe
        let startedAt: ContinuousClock.Instant
    }

    private struct State {
        var slots: [Int: Slot] = [:]
        var restartCount = 0
        var isStopping = false
    }

    /// Deaths after which no more workers are started: something is wrong with this machine.
    private static let restartCountMax = 100
    /// A worker that dies sooner than this is not started again: it cannot run here at all.
    private static let shortestLife = Duration.milliseconds(200)

    private let executable: URL
    private let endpoint: String
    private let threadCount: Int
    private let console: Console
    private let state = Mutex(State())

    /// Prepares to start `worker` from beside this executable.
    ///
    /// - Throws: `unavailable` if there is none.
    init(
        endpoint: String, isNeeded: Bool, threadCount: Int = 1, console: Console
    ) throws(RunError) {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        executable = own.deletingLastPathComponent().appendingPathComponent("worker")
        guard !isNeeded || FileManager.default.isExecutableFile(atPath: executable.path) else {
            throw RunError(
                .unavailable,
                "there is no worker program at \(executable.path); build it: swift build -c release"
            )
        }
        self.endpoint = endpoint
        self.threadCount = threadCount
        self.console = console
    }

    /// Starts `count` workers.
    func start(count: Int) throws(RunError) {
        for index in 0..<count { try start(index) }
    }

    private func start(_ index: Int) throws(RunError) {
        let process = Process()
        let lifeline = Pipe()
        process.executableURL = executable
        process.arguments = [
            "--connect", endpoint, "--threads", "\(threadCount)", "--name", Self.name(index),
            "--end-with-stdin", "--log-level", "warning",
        ]
        process.standardInput = lifeline
        process.standardOutput = FileHandle.nullDevice
        process.terminationHandler = { [weak self] process in self?.ended(index, process) }
        do {
            // Under the lock, or the end of a very short life would be handled before it is known.
            try state.withLock { state in
                guard !state.isStopping else { return }
                let startedAt = ContinuousClock.now
                try process.run()
                state.slots[index] = Slot(
                    process: process, lifeline: lifeline, startedAt: startedAt)
            }
        } catch {
            throw RunError(.unavailable, "cannot start \(executable.path): \(error)")
        }
    }

    /// What the worker in a slot is called.
    static func name(_ index: Int) -> String { "local-\(index)" }

    /// When the worker in a slot was started; nil if there is none.
    func startedAt(_ index: Int) -> ContinuousClock.Instant? {
        state.withLock { $0.slots[index]?.startedAt }
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
        let restarts = state.withLock { state -> Bool in
            guard let slot = state.slots.removeValue(forKey: index) else { return false }
            guard !state.isStopping, status != 0 || isSignal else { return false }
            guard slot.startedAt.duration(to: .now) > Self.shortestLife else { return false }
            state.restartCount += 1
            return state.restartCount <= Self.restartCountMax
        }
        guard status != 0 || isSignal, !state.withLock({ $0.isStopping }) else { return }
        let how = isSignal ? "was killed by signal \(status)" : "exited with status \(status)"
        console.log(
            .warning,
            "worker \(Self.name(index)) \(how); \(restarts ? "starting it again" : "it stays away")"
        )
        if restarts {
            do { try start(index) } catch { console.log(.error, error.message) }
        }
    }

    /// Ends all workers and returns when they are reaped.
    ///
    /// Their standard input closes, which ends a healthy worker; after a grace of two seconds
    /// whatever is left is killed.
    func stop() {
        let slots = state.withLock { state in
            state.isStopping = true
            return state.slots.sorted { $0.key < $1.key }.map(\.value)
        }
        for slot in slots { try? slot.lifeline.fileHandleForWriting.close() }
        let deadline = ContinuousClock.now + .seconds(2)
        for slot in slots {
            while slot.process.isRunning && ContinuousClock.now < deadline {
                Thread.sleep(forTimeInterval: 0.005)
            }
            if slot.process.isRunning { kill(slot.process.processIdentifier, SIGKILL) }
            slot.process.waitUntilExit()
        }
    }
}
