/// What goes wrong in this module: only its own bookkeeping can.
package struct SchedulingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of failure.
    package struct Code: Hashable, Sendable {
        private enum Kind: Hashable {
            case invariantViolated
        }

        private let kind: Kind

        /// The scheduler's state contradicts itself.
        package static let invariantViolated = Code(kind: .invariantViolated)
    }

    /// What kind of failure it is.
    package let code: Code
    /// What failed, then the cure.
    package let message: String

    /// The message.
    package var description: String { message }

    /// A contradiction in the scheduler's state.
    static func invariantViolated(_ what: String) -> SchedulingError {
        SchedulingError(
            code: .invariantViolated,
            message: "scheduler state contradicts itself: \(what); "
                + "stop the run and report it, the journal resumes it")
    }
}
