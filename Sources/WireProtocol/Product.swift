package import Heads

/// What comes of one piece of work: a head's weights, or a task's outcome.
package enum Product: Equatable, Sendable {
    case head(Head)
    case outcome([UInt8])

    /// Bytes of weights and biases, or of the outcome.
    package var byteCount: Int {
        switch self {
        case .head(let head): head.parameterCount * 4
        case .outcome(let bytes): bytes.count
        }
    }
}
