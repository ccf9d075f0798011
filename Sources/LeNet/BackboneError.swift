import OneDNN

/// Why a backbone could not be made, trained or used.
package struct BackboneError: Error, CustomStringConvertible {
    /// The kind of failure.
    package struct Code: Hashable, Sendable {
        private enum Value: Hashable {
            case invalidConfiguration, invalidData, invalidWeights, diverged, unavailable
            case outOfMemory
        }
        private let value: Value

        /// A hyperparameter or the image size is out of range.
        package static let invalidConfiguration = Code(value: .invalidConfiguration)
        /// Pixels and labels do not fit the configuration or each other.
        package static let invalidData = Code(value: .invalidData)
        /// Weights of another shape than the configuration's.
        package static let invalidWeights = Code(value: .invalidWeights)
        /// The loss is no longer a number.
        package static let diverged = Code(value: .diverged)
        /// oneDNN got no memory; see `underlying`.
        package static let outOfMemory = Code(value: .outOfMemory)
        /// oneDNN failed; see `underlying`.
        package static let unavailable = Code(value: .unavailable)
    }

    /// The kind of failure.
    package let code: Code
    /// What failed, then the cure.
    package let message: String
    /// What oneDNN threw, if it was oneDNN.
    package let underlying: (any Error)?

    /// The message.
    package var description: String { message }

    private init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    static func invalidConfiguration(_ message: String) -> BackboneError {
        BackboneError(.invalidConfiguration, message)
    }

    static func invalidData(_ message: String) -> BackboneError {
        BackboneError(.invalidData, message)
    }

    static func invalidWeights(_ name: String, found: [Int], wanted: [Int]) -> BackboneError {
        BackboneError(
            .invalidWeights,
            "weights \(name) have shape \(found) instead of \(wanted); take those of a backbone"
                + " with the same images and classes")
    }

    static func diverged(epoch: Int) -> BackboneError {
        BackboneError(
            .diverged,
            "the loss is not a number any more in epoch \(epoch); lower the learning rate")
    }

    /// Runs `body` and wraps what oneDNN throws.
    static func wrapping<Result: ~Copyable>(
        _ body: () throws(OneDNNError) -> Result
    ) throws(BackboneError) -> Result {
        do {
            return try body()
        } catch {
            throw BackboneError(
                error.code == .outOfMemory ? .outOfMemory : .unavailable, error.message,
                underlying: error)
        }
    }
}
