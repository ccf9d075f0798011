/// Why a model cannot answer: one sentence, and whose fault it is.
package struct PredictionError: Error, Hashable, CustomStringConvertible {
    /// Who has to change something.
    package enum Fault: Hashable, Sendable {
        /// The person who asked: another scheme or option.
        case request
        /// The model's file or the rows.
        case data
    }

    /// Whose fault it is.
    package let fault: Fault
    /// What was seen, then the cure.
    package let message: String

    /// An error of this sentence.
    package init(_ fault: Fault, _ message: String) {
        self.fault = fault
        self.message = message
    }

    /// The sentence.
    package var description: String { message }
}
