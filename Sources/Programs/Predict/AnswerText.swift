import Display
import Formats
import Model
import Prediction

/// Answers as lines of text: CSV as any reader takes it, an object of JSON a line, or explanations for a
/// person.
///
/// In CSV header and labels are always in quotes, so that `007`, `NA` and `yes` stay what they are, and
/// numbers that are no whole numbers always have a fraction or an exponent, so that no reader rounds a
/// column whose first values are 0 and 1. What a model takes for none of its classes has an empty label
/// and the index -1; in JSON lines it is null.
struct AnswerText {
    private let format: PredictOptions.Format
    private let top: Int
    private let hasProbabilities: Bool
    /// A class's label as it is written.
    private let labels: [String]
    private let jsonLabels: [JSONValue]
    private let classNames: [String]

    init(_ model: Model, _ format: PredictOptions.Format, top: Int, hasProbabilities: Bool) {
        self.format = format
        self.top = min(top, model.classCount)
        self.hasProbabilities = hasProbabilities
        classNames = model.classNames
        jsonLabels =
            model.integerLabels?.map { .integer($0) }
            ?? model.classNames.map { .string($0) }
        labels =
            format == .jsonl
            ? jsonLabels.map(\.text) : model.classNames.map(CSVFields.inQuotes)
    }

    /// Whether names of columns differ by case alone, which some readers take for one column: they are
    /// numbered then.
    var numbersColumns: Bool {
        hasProbabilities && format == .csv
            && Set(classNames.map { $0.lowercased() }).count < classNames.count
    }

    /// The first line of CSV; empty for others.
    var header: String {
        guard format == .csv else { return "" }
        var names = ["label", "label_index", "probability"]
        for rank in 1..<max(1, top) {
            names += ["label_\(rank + 1)", "label_index_\(rank + 1)", "probability_\(rank + 1)"]
        }
        if hasProbabilities {
            names += classNames.enumerated().map {
                numbersColumns ? "p_\($0.offset)_\($0.element)" : "p_\($0.element)"
            }
        }
        return names.map(CSVFields.inQuotes).joined(separator: ",") + "\n"
    }

    /// The line of one row, or its lines, counted from 0.
    func line(_ answer: Answer, _ row: Int, _ explanation: Explanation?) -> String {
        switch format {
        case .jsonl: object(answer, explanation)
        case .text: lines(answer, row, explanation)
        case .csv, .npy: record(answer)
        }
    }

    private func lines(_ answer: Answer, _ row: Int, _ explanation: Explanation?) -> String {
        var lines = explanation?.lines(classNames: classNames).map(Format.printable) ?? []
        if let first = lines.first {
            let none = answer.isRejected ? "none of the classes; the most probable is " : ""
            lines[0] = "row \(row): \(none)\(first)"
        }
        return lines.map { $0 + "\n" }.joined()
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

    private func object(_ answer: Answer, _ explanation: Explanation?) -> String {
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
        if let explanation {
            text += ",\"explanation\":" + explanation.json(labels: jsonLabels).text
        }
        return text + "}\n"
    }
}
