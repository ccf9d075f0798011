/// Why a worker cannot work at all.
package struct WorkerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence: what failed, then the cure.
    package let message: String

    package var description: String { message }

    static func unavailable(_ message: String) -> WorkerError { WorkerError(message: message) }
}
