import Formats
import Model

/// Answers as lines of text: CSV as any reader takes it, or an object of JSON a line.
///
/// In CSV header and labels are always in quotes, so that `007`, `NA` and `yes` stay what they are, and
/// numbers that are no whole numbers always have a fraction or an exponent, so that no reader rounds a
/// column whose first values are 0 and 1. What a model takes for none of its classes has an empty label
/// and the index -1; in JSON lines it is null.
struct AnswerText {
    private let isJSON: Bool
    private let top: Int
    private let hasProbabilities: Bool
    /// A class's label as it is written.
    private let labels: [String]
    private let classNames: [String]

    init(_ model: Model, isJSON: Bool, top: Int, hasProbabilities: Bool) {
        self.isJSON = isJSON
        self.top = min(top, model.classCount)
        self.hasProbabilities = hasProbabilities
        classNames = model.classNames
        if isJSON {
            labels =
                model.integerLabels?.map { String($0) }
                ?? model.classNames.map { JSONValue.string($0).text }
        } else {
            labels = model.classNames.map(Self.quoted)
        }
    }

    /// Whether names of columns differ by case alone, which some readers take for one column: they are
    /// numbered then.
    var numbersColumns: Bool {
        hasProbabilities && !isJSON
            && Set(classNames.map { $0.lowercased() }).count < classNames.count
    }

    /// The first line; empty for JSON lines.
    var header: String {
        guard !isJSON else { return "" }
        var names = ["label", "label_index", "probability"]
        for rank in 1..<max(1, top) {
            names += ["label_\(rank + 1)", "label_index_\(rank + 1)", "probability_\(rank + 1)"]
        }
        if hasProbabilities {
            names += classNames.enumerated().map {
                numbersColumns ? "p_\($0.offset)_\($0.element)" : "p_\($0.element)"
            }
        }
        return names.map(Self.quoted).joined(separator: ",") + "\n"
    }

    /// The line of one row.
    func line(_ answer: Answer) -> String {
        isJSON ? object(answer) : record(answer)
    }

    private func record(_ answer: Answer) -> String {
        var fields: [String] = []
        for (rank, choice) in answer.choices.enumerated() {
            let isNone = rank == 0 && answer.isRejected
            fields.append(isNone ? "\"\"" : labels[choice.position])
            fields.append(isNone ? "-1" : String(choice.position))
            fields.append("\(choice.probability)")
        }
        if hasProbabilities { fields += answer.probabilities.map { "\($0)" } }
        return fields.joined(separator: ",") + "\n"
    }

    private func object(_ answer: Answer) -> String {
        func members(_ choice: Answer.Choice, _ isNone: Bool) -> String {
            let label = isNone ? "null" : labels[choice.position]
            let index = isNone ? "null" : "\(choice.position)"
            return
                "\"label\":\(label),\"label_index\":\(index),\"probability\":\(choice.probability)"
        }
        var text = "{" + members(answer.choices[0], answer.isRejected)
        if top > 1 {
            let list = answer.choices.map { "{" + members($0, false) + "}" }
            text += ",\"top\":[\(list.joined(separator: ","))]"
        }
        if hasProbabilities {
            let list = answer.probabilities.map { "\($0)" }
            text += ",\"probabilities\":[\(list.joined(separator: ","))]"
        }
        return text + "}\n"
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
