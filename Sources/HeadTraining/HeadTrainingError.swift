/// What can go wrong when heads are trained.
package struct HeadTrainingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Which failure it is.
    package struct Code: Hashable, Sendable {
        private enum Value: Hashable {
            case unknownVariant
            case unusableInput
            case cancelled
        }

        private let value: Value

        /// `MANYHEADS_ISA` names no variant, or one this CPU lacks.
        package static let unknownVariant = Code(value: .unknownVariant)
        /// Hyperparameters, features or class sets cannot be trained on.
        package static let unusableInput = Code(value: .unusableInput)
        /// The caller asked to stop.
        package static let cancelled = Code(value: .cancelled)
    }

    /// Which failure it is.
    package let code: Code
    /// What failed, then the cure.
    package let message: String

    package var description: String { message }

    static func unknownVariant(_ name: String, supported: [String]) -> HeadTrainingError {
        HeadTrainingError(
            code: .unknownVariant,
            message: """
                MANYHEADS_ISA is '\(name)', which this build or CPU does not have; \
                use one of \(supported.joined(separator: ", ")) or leave it unset
                """)
    }

    static func unusableInput(_ message: String) -> HeadTrainingError {
        HeadTrainingError(code: .unusableInput, message: message)
    }

    static let cancelled = HeadTrainingError(
        code: .cancelled, message: "training was cancelled; its heads are to be trained again")
}
