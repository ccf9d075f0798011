import Glibc
import System
import Testing

// Signals belong to the whole process, so one suite, one test at a time; SIGHUP, because the runner
// itself may be interrupted and terminated.
@Suite(.serialized, .timeLimit(.minutes(1))) struct SignalWatcherTests {
    @Test func yieldsEachSignalAndEndsWhenStopped() async {
        let watcher = await SignalWatcher([.hangUp])
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
            let watcher = await SignalWatcher([.hangUp])
            var iterator = watcher.signals.makeAsyncIterator()
            kill(getpid(), SIGHUP)
            _ = await iterator.next()
            watcher.stop()
            kill(getpid(), SIGHUP)
            while true { await Task.yield() }
        }
    }

    @Test func laterSignalsGoWhereTheyAreSentThoughNobodyReads() async {
        await #expect(processExitsWith: .exitCode(143)) {
            let watcher = await SignalWatcher(TerminationSignal.allCases) {
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
            let watcher = await SignalWatcher(TerminationSignal.allCases)
            var iterator = watcher.signals.makeAsyncIterator()
            for expected in TerminationSignal.allCases {
                kill(getpid(), expected.number)
                guard await iterator.next() == expected else { exit(1) }
            }
            exit(TerminationSignal.terminate.exitStatus)
        }
    }
}
