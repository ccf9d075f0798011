/// Why a run ended without its result, with the exit status the contract gives it.
package struct RunError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Which failure it is; the exit statuses are those of sysexits.h.
    package struct Code: Hashable, Sendable {
        /// What the process exits with.
        package let exitStatus: Int32

        /// Options that cannot run: 64.
        package static let usage = Code(exitStatus: 64)
        /// Data missing or corrupt: 65.
        package static let data = Code(exitStatus: 65)
        /// An address or a peer is not to be had: 69.
        package static let unavailable = Code(exitStatus: 69)
        /// A defect of ours: 70.
        package static let `internal` = Code(exitStatus: 70)
        /// The run directory cannot be written: 73.
        package static let cannotWrite = Code(exitStatus: 73)
        /// Something could not be done this time, and may be the next: 75.
        package static let incomplete = Code(exitStatus: 75)
        /// Ended by a signal: 128 and its number.
        package static func interrupted(signal: Int32) -> Code { Code(exitStatus: 128 + signal) }
    }

    /// Which failure it is, and so what the process exits with.
    package let code: Code
    /// One sentence: what failed, then the cure.
    package let message: String

    /// A failure whose message a person reads as it stands.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }

    /// Options that cannot run.
    package static func usage(_ message: String) -> RunError { RunError(.usage, message) }
}
