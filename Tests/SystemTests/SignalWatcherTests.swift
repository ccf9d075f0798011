import Glibc
import Synchronization
import System
import TestSupport
import Testing

// Signals belong to the whole process, so one suite, one test at a time; SIGHUP, because the runner
// itself may be interrupted and terminated.
@Suite(.serialized, .timeLimit(.minutes(4))) struct SignalWatcherTests {
    @Test func yieldsEachSignalAndEndsWhenStopped() async throws {
        let watcher = try SignalWatcher([.hangUp])
        var iterator = watcher.signals.makeAsyncIterator()
        for _ in 0..<3 {
            kill(getpid(), SIGHUP)
            #expect(await iterator.next() == .hangUp)
        }
        watcher.stop()
        watcher.stop()
        #expect(await iterator.next() == nil)
    }

    @Test func afterStopASignalDoesWhatItAlwaysDid() async {
        await #expect(processExitsWith: .signal(SIGHUP)) {
            endInTime()
            let watcher = try SignalWatcher([.hangUp])
            var iterator = watcher.signals.makeAsyncIterator()
            kill(getpid(), SIGHUP)
            _ = await iterator.next()
            watcher.stop()
            kill(getpid(), SIGHUP)
            while true { await Task.yield() }
        }
    }

    @Test func aSignalThatNobodyTookHasItsEffectAtTheStop() async {
        await #expect(processExitsWith: .signal(SIGUSR1)) {
            endInTime()
            let watcher = try SignalWatcher([.user1, .terminate])
            // Whoever read is gone.
            let reader = Task { for await _ in watcher.signals {} }
            reader.cancel()
            await reader.value
            kill(getpid(), SIGUSR1)
            watcher.stop()
            while true { await Task.yield() }
        }
    }

    /// Signals that did what they did before somebody watched.
    private static let former = Atomic<Int>(0)

    // Sent at any moment around the stop, each is either read or does what it did before; none is
    // lost, none comes twice.
    @Test func noSignalIsLostAroundTheStop() async {
        await #expect(processExitsWith: .exitCode(0)) {
            endInTime()
            // A handler that is there already is what a stop restores.
            signal(SIGHUP) { _ in
                SignalWatcherTests.former.add(1, ordering: .sequentiallyConsistent)
            }
            var readCount = 0
            for round in 1...1_000 {
                let watcher = try SignalWatcher([.hangUp])
                let reader = Task {
                    var count = 0
                    for await _ in watcher.signals { count += 1 }
                    return count
                }
                let sender = Task.detached {
                    for _ in 0..<round % 7 { await Task.yield() }
                    kill(getpid(), SIGHUP)
                }
                for _ in 0..<round % 5 { await Task.yield() }
                watcher.stop()
                await sender.value
                readCount += await reader.value
                while readCount + Self.former.load(ordering: .sequentiallyConsistent) < round {
                    await Task.yield()
                }
            }
            exit(readCount + Self.former.load(ordering: .sequentiallyConsistent) == 1_000 ? 0 : 1)
        }
    }

    @Test func laterSignalsGoWhereTheyAreSentThoughNobodyReads() async {
        await #expect(processExitsWith: .exitCode(143)) {
            endInTime()
            let watcher = try SignalWatcher(TerminationSignal.allCases) {
                _exit($0.exitStatus)
            }
            kill(getpid(), SIGHUP)
            for await first in watcher.signals {
                guard first == .hangUp else { exit(1) }
                kill(getpid(), SIGTERM)
                // No task gets its turn here: the second signal needs none.
                while true {}
            }
        }
    }

    @Test func manySignalsShareOneStream() async {
        await #expect(processExitsWith: .exitCode(143)) {
            endInTime()
            let watcher = try SignalWatcher(TerminationSignal.ending())
            var iterator = watcher.signals.makeAsyncIterator()
            // Also what batch systems send.
            for expected in [.user1, .user2, .processorTime, .hangUp, .interrupt, .terminate]
                as [TerminationSignal]
            {
                kill(getpid(), expected.number)
                guard await iterator.next() == expected else { exit(1) }
            }
            exit(TerminationSignal.terminate.exitStatus)
        }
    }

    // `ulimit -t` sends it again every second, and the orderly end may take longer.
    @Test func aRepeatedSignalOfUsedUpTimeIsNoSecondOne() async {
        await #expect(processExitsWith: .exitCode(143)) {
            endInTime()
            let watcher = try SignalWatcher { _exit($0.exitStatus) }
            kill(getpid(), SIGXCPU)
            for await first in watcher.signals {
                guard first == .processorTime else { exit(1) }
                kill(getpid(), SIGXCPU)
                kill(getpid(), SIGTERM)
                while true {}
            }
        }
    }

    @Test func atTheVeryEndSignalsDoNothing() async {
        await #expect(processExitsWith: .exitCode(0)) {
            endInTime()
            let watcher = try SignalWatcher()
            watcher.stop(restoresDefaults: false)
            for signal in TerminationSignal.allCases { kill(getpid(), signal.number) }
            exit(0)
        }
    }

    @Test func underNohupAHangUpEndsNothing() async {
        await #expect(processExitsWith: .exitCode(0)) {
            endInTime()
            signal(SIGHUP, SIG_IGN)
            let ending = TerminationSignal.ending()
            guard !ending.contains(.hangUp), ending.contains(.terminate) else { exit(1) }
            let watcher = try SignalWatcher()
            kill(getpid(), SIGHUP)
            kill(getpid(), SIGTERM)
            for await first in watcher.signals { exit(first == .terminate ? 0 : 2) }
        }
    }
}
