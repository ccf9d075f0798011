import Foundation
import Glibc
package import Sessions
import Synchronization
package import System

/// Worker processes: started, and reaped whatever happens.
///
/// Each holds the reading end of a pipe as its standard input and ends when that closes, so that
/// none outlives this process however it ends.
package final class LocalWorkers: Sendable {
    /// What to do when a worker ends that nobody stopped.
    package enum LossPolicy: Sendable {
        /// Start it again, unless it cannot run here at all or did so too often; of each that stays away
        /// say how many are left, with the first one's reason.
        case startAgain(whenOneStaysAway: @Sendable (RunError, _ remaining: Int) -> Void)
        /// Nobody takes its place: the first loss is said here, and whoever hears it stops the rest.
        case report(@Sendable (RunError) -> Void)
    }

    private struct Slot {
        let process: Process
        let lifeline: Pipe
        let errors: ErrorLines
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
        /// Places whose worker is gone and has no successor.
        ///
        /// Not the empty slots: one is empty as well between a worker's end and the next one's start.
        var vacant: Set<Int> = []
        /// What the first worker said that is not started again.
        var reason: String?
    }

    /// Deaths after which no more workers are started: something is wrong with this machine.
    private static let restartCountMax = 100
    /// A worker that dies sooner than this is not started again: it cannot run here at all.
    private static let shortestLife = Duration.milliseconds(200)

    /// Exit statuses of a worker that would end in the same way again: bad options, bad data, refused.
    private static let finalStatuses: Set<Int32> = [
        RunError.Code.usage.exitStatus, RunError.Code.data.exitStatus,
        RunError.Code.unavailable.exitStatus,
    ]

    /// Foundation starts no process where fewer can be open, and says something else then.
    private static let foundationDescriptorCount = 250
    /// Both pipes, Foundation's own, and both connections.
    private static let descriptorCountPerWorker = 8

    private let launches: [WorkerLaunch]
    private let policy: LossPolicy
    private let observer: any SessionObserver
    private let state = Mutex(State())

    /// Prepares to start these workers.
    package init(
        _ launches: [WorkerLaunch], onLoss policy: LossPolicy, observer: any SessionObserver
    ) {
        self.launches = launches
        self.policy = policy
        self.observer = observer
    }

    /// Why the first worker was lost; nil while none was, or they are started again.
    package var loss: RunError? { state.withLock { $0.loss } }

    /// How many there are to be.
    package var count: Int { launches.count }

    /// Starts all of them.
    ///
    /// - Throws: `unavailable` where the system does not let so many be started.
    package func start() throws(RunError) {
        if !launches.isEmpty {
            try SystemLimit.checkDescriptors(
                Self.foundationDescriptorCount + Self.descriptorCountPerWorker * launches.count)
        }
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
        let errors = try ErrorLines()
        process.standardError = errors.pipe
        defer { errors.endOwnWriting() }
        process.terminationHandler = { [weak self] process in self?.ended(index, process) }
        do {
            // Under the lock, or the end of a very short life would be handled before it is known.
            try state.withLock { state in
                guard !state.isStopping else { return }
                let startedAt = ContinuousClock.now
                try Self.withNoSignalBlocked { try process.run() }
                let identifier = process.processIdentifier
                state.slots[index] = Slot(
                    process: process, lifeline: lifeline, errors: errors, startedAt: startedAt,
                    hasGroup: getpgid(identifier) == identifier)
            }
        } catch {
            throw Self.failure(launch, error as NSError)
        }
    }

    /// Why a process could not be started, in words that are the system's and not Foundation's.
    private static func failure(_ launch: WorkerLaunch, _ error: NSError) -> RunError {
        let cause = error.userInfo[NSUnderlyingErrorKey] as? NSError ?? error
        let what = "start \(launch.executable.path)"
        return cause.domain == NSPOSIXErrorDomain
            ? SystemLimit.failure(what, Int32(cause.code))
            : RunError(.unavailable, "cannot \(what): \(error.localizedDescription)")
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
    package func send(_ signal: Int32, to index: Int) {
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
        let life = slot.startedAt.duration(to: .now)
        // Nobody else holds what hands its last lines on.
        slot.errors.finish()
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
        case .startAgain(let report):
            let isDrained = status == 0 && !isSignal
            if !isDrained {
                // Refused or sent away, or the same again: whoever cannot run here at all stays away.
                let mayReturn =
                    life > Self.shortestLife && (isSignal || !Self.finalStatuses.contains(status))
                if mayReturn, startAgain(index, how) { return }
                observer.log(.warning, "\(launches[index].title) \(how) and is not started again")
            }
            let said =
                isDrained ? nil : slot.errors.lastWords ?? "\(launches[index].title) \(how)"
            let (reason, remaining) = state.withLock { state -> (String?, Int) in
                state.reason = state.reason ?? said
                state.vacant.insert(index)
                return (
                    state.isStopping ? nil : state.reason, launches.count - state.vacant.count
                )
            }
            // One that was asked to leave leaves without a reason.
            guard let reason else { return }
            let who =
                remaining == 0
                ? "none of the workers started here can run"
                : "of \(launches.count) workers started here only \(remaining) can run, fewer than --min-workers"
            report(
                RunError(.unavailable, "\(who): \(reason); what is trained is kept"), remaining)
        }
    }

    /// - Returns: false if it did so too often, or cannot be started.
    private func startAgain(_ index: Int, _ how: String) -> Bool {
        let isWorthwhile = state.withLock { state in
            state.restartCount += 1
            return state.restartCount <= Self.restartCountMax
        }
        guard isWorthwhile else { return false }
        observer.log(.warning, "\(launches[index].title) \(how); starting it again")
        do {
            try start(index)
            return true
        } catch {
            observer.log(.error, error.message)
            return false
        }
    }

    /// Ends all workers and returns when they are reaped.
    ///
    /// Their standard input closes, which ends a healthy worker; what is left after a grace is
    /// killed with all it started.
    package func stop() {
        let slots = state.withLock { state in
            state.isStopping = true
            return state.slots.sorted { $0.key < $1.key }
        }
        for (_, slot) in slots {
            // A stopped one hears nothing.
            if slot.process.isRunning { _ = Glibc.kill(slot.process.processIdentifier, SIGCONT) }
            try? slot.lifeline.fileHandleForWriting.close()
        }
        let start = ContinuousClock.now
        for (index, slot) in slots {
            let deadline = start + .seconds(launches[index].graceSeconds)
            while slot.isAlive && ContinuousClock.now < deadline {
                Thread.sleep(forTimeInterval: 0.005)
            }
            if slot.isAlive { slot.kill() }
            slot.process.waitUntilExit()
            slot.errors.finish()
        }
    }
}

/// What a worker writes to its standard error: handed on as it comes, and its last words kept.
private final class ErrorLines: Sendable {
    let pipe = Pipe()
    private let text = Mutex("")
    private let end = DispatchSemaphore(value: 0)

    /// Bytes that are kept: the last line or two.
    private static let keptByteCount = 4_096
    /// How long what a worker said last is waited for: whoever it started may hold the pipe open.
    private static let patience = DispatchTimeInterval.milliseconds(500)
    /// What its own reason for ending begins with.
    private static let signature = "worker: "

    /// Reads on a thread of its own, which holds the pipe until all is read.
    ///
    /// Foundation's `readabilityHandler` lets a handle be closed that the event loop still watches: a
    /// process that is starting shares the open file, so the loop hears of it again and falls over
    /// what it has freed.
    init() throws(RunError) {
        try NamedThread.detached(name: "worker's log") { [self] in
            var buffer = [UInt8](repeating: 0, count: Self.keptByteCount)
            while let count = read(into: &buffer) {
                let words = String(decoding: buffer[..<count], as: UTF8.self)
                StandardStream.error(words)
                text.withLock { $0 = String(($0 + words).suffix(Self.keptByteCount)) }
            }
            end.signal()
        }
    }

    /// The process has its end now, or there is none: nothing else keeps the pipe open.
    func endOwnWriting() { try? pipe.fileHandleForWriting.close() }

    /// The number of bytes that came next; nil at the end.
    private func read(into buffer: inout [UInt8]) -> Int? {
        while true {
            let count = unsafe Glibc.read(
                pipe.fileHandleForReading.fileDescriptor, &buffer, buffer.count)
            if count > 0 { return count }
            if count == 0 || errno != EINTR { return nil }
        }
    }

    /// Waits until all is handed on.
    func finish() {
        if end.wait(timeout: .now() + Self.patience) == .success { end.signal() }
    }

    /// Why it ended, in its own words.
    var lastWords: String? {
        finish()
        return text.withLock { text in
            text.split(whereSeparator: \.isNewline).last { $0.hasPrefix(Self.signature) }
                .map { String($0.dropFirst(Self.signature.count)) }
        }
    }
}
