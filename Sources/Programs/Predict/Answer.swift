import Decoding
import Model
import Numerics

/// What a model says of one row.
struct Answer {
    /// One class and its probability.
    struct Choice {
        let position: Int
        let probability: Double
    }

    /// The most probable classes, the most probable first; of equally probable ones the lowest first.
    let choices: [Choice]
    /// Of all classes, in their order.
    let probabilities: ArraySlice<Double>
    /// Whether the most probable class is not probable enough.
    let isRejected: Bool

    /// A row's answer by so many classes.
    ///
    /// - Parameter threshold: a class below it is none.
    init(_ probabilities: ArraySlice<Double>, top: Int, threshold: Double?) {
        var choices: [Choice] = []
        if top == 1 {
            var best = probabilities.startIndex
            for index in probabilities.indices where probabilities[index] > probabilities[best] {
                best = index
            }
            choices = [
                Choice(
                    position: best - probabilities.startIndex, probability: probabilities[best])
            ]
        } else {
            choices = probabilities.enumerated().map {
                Choice(position: $0.offset, probability: $0.element)
            }
            .sorted { ($1.probability, $0.position) < ($0.probability, $1.position) }
            .prefix(top).map(\.self)
        }
        self.choices = choices
        self.probabilities = probabilities
        isRejected = threshold.map { choices[0].probability < $0 } ?? false
    }
}
