import Foundation
import Synchronization
import System
import TestSupport
import Testing

/// The name the system shows for the calling thread.
private func currentThreadName() -> String {
    let name = try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)
    return (name ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
}

/// A door that a blocked closure waits at until a test opens it.
private final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func open() { semaphore.signal() }
    func wait() { semaphore.wait() }
}

/// Numbers in the order in which they were noted, from any thread.
private final class Notes: Sendable {
    private let notes = Mutex<[Int]>([])

    var all: [Int] { notes.withLock(\.self) }
    func add(_ number: Int) { notes.withLock { $0.append(number) } }
}

private struct Failure: Error, Equatable {
    let number: Int
}

/// An actor that lives on a thread of ours.
private actor Counter {
    private let executor: ThreadExecutor
    private(set) var value = 0
    private(set) var names: Set<String> = []

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    init(on executor: ThreadExecutor) {
        self.executor = executor
    }

    func increment() async {
        let before = value
        names.insert(currentThreadName())
        value = before + 1
        await Task.yield()
        names.insert(currentThreadName())
    }

    nonisolated func valueAssumingIsolation() -> Int {
        assumeIsolated { $0.value }
    }
}

@Suite(.timeLimit(.minutes(4))) struct ThreadExecutorTests {
    @Test func runsClosuresOnItsNamedThread() async throws {
        let executor = try ThreadExecutor(name: "kernel-7")
        #expect(!executor.isCurrent)
        let name = try await executor.run { currentThreadName() }
        #expect(name == "kernel-7")
        #expect(try await executor.run { executor.isCurrent })
        let seen = Notes()
        try await withThrowingTaskGroup(of: Void.self) { group in
            let gate = Gate()
            // The thread is held while the others queue up one after the other.
            let blocked = Task { try await executor.run { gate.wait() } }
            for index in 0..<100 {
                group.addTask { try await executor.run { seen.add(index) } }
            }
            gate.open()
            try await blocked.value
            try await group.waitForAll()
        }
        #expect(seen.all.sorted() == Array(0..<100))
        await executor.shutdown()
    }

    @Test(arguments: ["", "abcdefghijklmnopqrstuvwxyz", "ééééééééé"])
    func anyNameIsTaken(_ name: String) async throws {
        let executor = try ThreadExecutor(name: name)
        let shown = try await executor.run { currentThreadName() }
        #expect(shown.utf8.count <= 15)
        // The system keeps the program's name for an empty one, or shows nothing.
        #expect(name.isEmpty || name.hasPrefix(shown) && !shown.isEmpty)
        await executor.shutdown()
    }

    @Test func passesErrorsOn() async throws {
        let executor = try ThreadExecutor(name: "errors")
        await #expect(throws: Failure(number: 3)) {
            try await executor.run { throw Failure(number: 3) }
        }
        await executor.shutdown()
    }

    @Test func isATasksPreference() async throws {
        let executor = try ThreadExecutor(name: "preferred")
        let names = await Task(executorPreference: executor) {
            let first = currentThreadName()
            await Task.yield()
            async let child = currentThreadName()
            return [first, await child, currentThreadName()]
        }.value
        #expect(names == ["preferred", "preferred", "preferred"])
        let inGroup = await withTaskGroup(of: String.self) { group in
            for _ in 0..<10 {
                group.addTask(executorPreference: executor) { currentThreadName() }
            }
            return await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(inGroup == ["preferred"])
        await executor.shutdown()
    }

    @Test func isAnActorsExecutor() async throws {
        let executor = try ThreadExecutor(name: "actor")
        let counter = Counter(on: executor)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<500 { group.addTask { await counter.increment() } }
        }
        #expect(await counter.value == 500)
        #expect(await counter.names == ["actor"])
        #expect(try await executor.run { counter.valueAssumingIsolation() } == 500)
        // A task that prefers one thread and calls an actor on another changes over and back.
        let other = try ThreadExecutor(name: "other")
        let names = await Task(executorPreference: other) {
            let before = currentThreadName()
            await counter.increment()
            return [before, currentThreadName()]
        }.value
        #expect(names == ["other", "other"])
        #expect(await counter.names == ["actor"])
        await executor.shutdown()
        await other.shutdown()
    }

    @Test func cancellationReachesARunningClosure() async throws {
        let executor = try ThreadExecutor(name: "cancel")
        let (begun, hasBegun) = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            try await executor.run { flag in
                hasBegun.finish()
                while true { try flag.check() }
            }
        }
        for await _ in begun {}
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        await executor.shutdown()
    }

    @Test func whatIsCancelledBeforeItsTurnNeverBegins() async throws {
        let executor = try ThreadExecutor(name: "cancel")
        let gate = Gate()
        let blocked = Task { try await executor.run { gate.wait() } }
        let ran = Notes()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await #expect(throws: CancellationError.self) {
                    try await executor.run { ran.add(1) }
                }
            }
            group.cancelAll()
            gate.open()
        }
        try await blocked.value
        #expect(ran.all.isEmpty)
        await executor.shutdown()
    }

    @Test func shutdownRunsWhatHasArrivedAndJoins() async throws {
        let executor = try ThreadExecutor(name: "shutdown")
        let gate = Gate()
        let done = Notes()
        let tasks = (1...20).map { number in
            Task {
                try await executor.run {
                    if number == 1 { gate.wait() }
                    done.add(number)
                }
            }
        }
        gate.open()
        for task in tasks { try await task.value }
        await executor.shutdown()
        await executor.shutdown()
        #expect(done.all.sorted() == Array(1...20))
    }

    @Test func shutdownMayBlockInsteadOrComeFromTheThreadItself() async throws {
        let executor = try ThreadExecutor(name: "blocking")
        let helper = try ThreadExecutor(name: "helper")
        try await helper.run { executor.shutdown() }
        try await helper.run { helper.shutdown() }
        #expect(try await helper.run { helper.isCurrent })
    }

    @Test func workThatComesAfterShutdownIsStillRunInTurn() async throws {
        let executor = try ThreadExecutor(name: "late")
        let counter = Counter(on: executor)
        await executor.shutdown()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<200 { group.addTask { await counter.increment() } }
        }
        #expect(await counter.value == 200)
        #expect(await counter.names == ["late"])
    }

    @Test func aThreadEndsWithItsLastReference() async throws {
        func threadNames() -> [String] {
            let tasks = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")
            return (tasks ?? []).compactMap {
                try? String(contentsOfFile: "/proc/self/task/\($0)/comm", encoding: .utf8)
            }
        }
        do {
            let executor = try ThreadExecutor(name: "dropped-thread")
            try await executor.run {}
            #expect(threadNames().contains("dropped-thread\n"))
        }
        while threadNames().contains("dropped-thread\n") { await Task.yield() }
    }

    @Test func theWrongThreadTraps() async {
        await #expect(processExitsWith: .failure) {
            endInTime()
            try ThreadExecutor(name: "elsewhere").checkIsolated()
        }
    }
}
