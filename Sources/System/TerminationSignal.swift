import Glibc

/// The signals that ask a program to end.
package enum TerminationSignal: CaseIterable, Hashable, Sendable {
    /// SIGINT: Ctrl-C.
    case interrupt
    /// SIGTERM: a service manager, `docker stop`, `kill`.
    case terminate
    /// SIGUSR1: a batch system that gives notice, as Slurm's `--signal` and Grid Engine do.
    case user1
    /// SIGUSR2: the same, or LSF at the end of the time.
    case user2
    /// SIGXCPU: the processor time is used up (`ulimit -t`, Grid Engine).
    case processorTime
    /// SIGHUP: the terminal went away.
    case hangUp

    /// The number the system knows it by.
    package var number: Int32 {
        switch self {
        case .interrupt: SIGINT
        case .terminate: SIGTERM
        case .user1: SIGUSR1
        case .user2: SIGUSR2
        case .processorTime: SIGXCPU
        case .hangUp: SIGHUP
        }
    }

    /// The status of a program that the signal ended, as shells say it.
    package var exitStatus: Int32 { 128 + number }

    /// The signals that end a run in order.
    ///
    /// - Parameter withHangUp: false where SIGHUP means something else. It is left out as well where
    ///   it was ignored from the start: nohup wants the program to outlive its terminal.
    package static func ending(withHangUp: Bool = true) -> [TerminationSignal] {
        allCases.filter {
            $0 != .hangUp || withHangUp && !SignalDisposition(of: $0.number).isIgnored
        }
    }
}
