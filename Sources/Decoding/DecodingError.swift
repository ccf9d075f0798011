import Heads
import Numerics

/// Why heads cannot predict.
package struct DecodingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of trouble it is.
    package struct Code: Hashable, Sendable {
        private enum Value: Hashable {
            case missingHead
            case duplicateHead
            case widthMismatch
            case noClasses
            case labelMismatch
            case policyOutOfRange
        }
        private let value: Value

        /// A scheme asks a head that the bank lacks.
        package static let missingHead = Code(value: .missingHead)
        /// Two heads of a bank are over the same classes.
        package static let duplicateHead = Code(value: .duplicateHead)
        /// Heads and features are not equally wide.
        package static let widthMismatch = Code(value: .widthMismatch)
        /// A scheme was given fewer than two classes, or more than it can count.
        package static let noClasses = Code(value: .noClasses)
        /// Labels do not fit the predictions.
        package static let labelMismatch = Code(value: .labelMismatch)
        /// An elimination policy that drops nothing, or compares with no probability.
        package static let policyOutOfRange = Code(value: .policyOutOfRange)
    }

    /// Which failure it is.
    package let code: Code
    /// What failed, then the cure.
    package let message: String

    package var description: String { message }

    static func missingHead(_ key: HeadKey) -> DecodingError {
        DecodingError(
            code: .missingHead,
            message: "no head \(words(key)); train it, or choose a scheme without it")
    }

    static func duplicateHead(_ key: HeadKey) -> DecodingError {
        DecodingError(
            code: .duplicateHead, message: "two heads \(words(key)); give each of them once")
    }

    private static func words(_ key: HeadKey) -> String {
        key.own.map { "of class \($0.classIndex) against the rest" } ?? "over classes \(key)"
    }

    static func widthMismatch(_ key: HeadKey, head: Int, expected: Int) -> DecodingError {
        DecodingError(
            code: .widthMismatch,
            message:
                "the head \(words(key)) reads \(head.counted("feature")) where \(expected) "
                + "are given; use heads trained on these features")
    }

    static func classCount(_ count: Int, max: Int) -> DecodingError {
        DecodingError(
            code: .noClasses,
            message: "\(count.counted("class")) to choose from; a scheme needs from 2 to \(max)")
    }

    static func labelMismatch(_ what: String) -> DecodingError {
        DecodingError(
            code: .labelMismatch, message: "\(what); give one label in range per prediction")
    }

    static func policy(_ title: String) -> DecodingError {
        DecodingError(
            code: .policyOutOfRange,
            message: "elimination cannot \(title); drop 1 or more, and compare with 0 to 1")
    }
}
