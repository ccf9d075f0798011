import ZeroMQ

/// Why a worker cannot work at all.
package struct WorkerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence: what failed, then the cure.
    package let message: String
    /// What the process exits with.
    package let exitStatus: Int32

    package var description: String { message }

    static func unavailable(_ message: String) -> WorkerError {
        WorkerError(message: message, exitStatus: 69)
    }

    /// Why there are no keys to be had.
    static func keys(_ error: ZeroMQError) -> WorkerError {
        WorkerError(message: error.message, exitStatus: error.code == .badKey ? 65 : 69)
    }
}
