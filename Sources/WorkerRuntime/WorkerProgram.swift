import Foundation
import HeadTraining
import Heads
import Logging
import Numerics
package import Sessions
import Synchronization
import System
import WireProtocol
import ZeroMQ

/// A worker process: one network thread that never computes, compute threads that never touch a socket.
package final class WorkerProgram: Sendable {
    /// How long the goodbye of a worker that is told twice to end may take to leave.
    private static let lastWordsLimit = DispatchTimeInterval.milliseconds(500)

    /// Threads besides those that compute: the network's, libzmq's, and some of the run time.
    private static let otherThreadCount = 6

    private let configuration: WorkerConfiguration
    private let logger = Logger(label: "worker")

    /// A worker that has not begun: no thread, no socket.
    package init(_ configuration: WorkerConfiguration) {
        self.configuration = configuration
    }

    /// Works until the run is complete, the worker is told to leave, or its parent is gone.
    ///
    /// SIGINT, SIGTERM and what else asks a program to end (``TerminationSignal``) has it finish what
    /// it trains and leave; a second one ends it at once.
    ///
    /// - Parameter handlesSignals: false leaves signals to the process, of which the worker is a part; a
    ///   cancelled task ends it at once.
    /// - Throws: `WorkerError` if the endpoint cannot be connected to at all. A coordinator that is
    ///   not there yet is waited for.
    package func run(handlesSignals: Bool = true) async throws(WorkerError) -> WorkerExit {
        do {
            guard handlesSignals else {
                let inbox = try Mailbox<WorkerSession.Event>()
                return try await withTaskCancellationHandler {
                    try await drive(inbox)
                } onCancel: {
                    inbox.post(.stop(signal: SIGTERM))
                }
            }
            return try await work()
        } catch let error as WorkerError {
            throw error
        } catch let error as ZeroMQError {
            throw .unavailable(error.message + SystemLimit.ending(error.errorNumber))
        } catch let error as RunError {
            throw .unavailable(error.message)
        } catch {
            throw .unavailable("\(error)")
        }
    }

    private func work() async throws -> WorkerExit {
        MessageMemory.keepFreed(byteCount: 16 << 20, ofMessagesUpTo: 4 << 20)
        let inbox = try Mailbox<WorkerSession.Event>()
        let watcher = try SignalWatcher { signal in
            inbox.post(.stop(signal: signal.number))
            // Whatever keeps the process from its orderly end.
            DispatchQueue.global().asyncAfter(deadline: .now() + Self.lastWordsLimit) {
                _exit(signal.exitStatus)
            }
        }
        // Ends with the stream, which the watcher's stop finishes below.
        let signals = Task {
            for await _ in watcher.signals { inbox.post(.drain) }
        }
        defer {
            // Not as ever: the process ends now, and a signal would make its status a lie.
            watcher.stop(restoresDefaults: false)
            signals.cancel()
        }
        return try await drive(inbox)
    }

    /// From the first hello until the last word has left: with the link its sockets go, and they
    /// wait for that.
    private func drive(_ inbox: Mailbox<WorkerSession.Event>) async throws -> WorkerExit {
        // libzmq ends the process where it gets none.
        try SystemLimit.checkThreads(configuration.threadCount + Self.otherThreadCount)
        let network = try ThreadExecutor(name: "network")
        let link = try WorkerLink(configuration: configuration, logger: logger, inbox: inbox)
        logger.info("connecting to \(configuration.endpoint)")
        let exit = try await network.run { try link.run() }
        await network.shutdown()
        await link.shutdown()
        return exit
    }
}
