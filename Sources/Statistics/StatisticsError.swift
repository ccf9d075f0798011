/// Why a statistic of these values does not exist.
package struct StatisticsError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of failure.
    package struct Code: Hashable, Sendable {
        private enum Value: Hashable {
            case tooFewValues
            case unequalCounts
            case notFinite
            case noDifference
            case noSpread
            case outOfRange
        }
        private let value: Value

        /// Fewer values than the statistic needs.
        package static let tooFewValues = Code(value: .tooFewValues)
        /// Pairs whose sides are not equally long.
        package static let unequalCounts = Code(value: .unequalCounts)
        /// A value is infinite or NaN.
        package static let notFinite = Code(value: .notFinite)
        /// All paired differences are zero.
        package static let noDifference = Code(value: .noDifference)
        /// All paired differences are the same number, which is not zero.
        package static let noSpread = Code(value: .noSpread)
        /// A probability outside 0 to 1, a negative count, or no degrees of freedom.
        package static let outOfRange = Code(value: .outOfRange)
    }

    /// Which failure it is.
    package let code: Code
    /// What failed, then the cure.
    package let message: String

    package var description: String { message }

    static func tooFewValues(_ count: Int, min: Int) -> StatisticsError {
        StatisticsError(
            code: .tooFewValues,
            message: "\(count) values where at least \(min) are needed; run more trials")
    }

    static func unequalCounts(_ first: Int, _ second: Int) -> StatisticsError {
        StatisticsError(
            code: .unequalCounts,
            message: "\(first) values cannot be paired with \(second); give one of each per trial")
    }

    static func notFinite(at index: Int) -> StatisticsError {
        StatisticsError(
            code: .notFinite,
            message: "value \(index) is not a finite number; leave that trial out of both sides")
    }

    static let noDifference = StatisticsError(
        code: .noDifference,
        message: "all differences are zero; there is nothing to test")

    static func noSpread(_ difference: Double) -> StatisticsError {
        StatisticsError(
            code: .noSpread,
            message: "all differences are \(difference); check that the trials are independent")
    }

    static func outOfRange(_ what: String) -> StatisticsError {
        StatisticsError(code: .outOfRange, message: what)
    }
}
