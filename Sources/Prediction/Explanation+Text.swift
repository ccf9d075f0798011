import Decoding
package import Formats
import Numerics

extension Explanation {
    /// Classes and pairs that a line names at most.
    private static let namedCount = 3

    /// The explanation for a person, in lines without newlines.
    ///
    /// - Parameter classNames: a name per class of the model.
    package func lines(classNames: [String]) -> [String] {
        let text = ExplanationText(classNames: classNames)
        let tempered = temperature.map { ", temperature \(text.decimal($0))" } ?? ""
        return [
            "\(text.choice(choices[0])), by \(scheme.fullTitle)\(tempered)",
            "  ahead of \(text.choices(choices.dropFirst(), atMost: Self.namedCount))",
        ] + evidenceLines(text)
    }

    private func evidenceLines(_ text: ExplanationText) -> [String] {
        switch evidence {
        case .logits(let logits):
            return [
                "  asked 1 head over \(choices.count.counted("class")); its logits: "
                    + numbers(text, logits)
            ]
        case .scores(let scores):
            // Of two classes it is their pair.
            let headCount = choices.count == 2 ? 1 : choices.count
            return [
                "  asked \(headCount.counted("head")), each of one class against the rest; scores: "
                    + numbers(text, scores)
            ]
        case .pairs(let votes, let answers):
            return voteLines(text, votes) + answerLines(text, answers)
        case .shortlist(let listed, let answers):
            let pairCount = listed.count * (listed.count - 1) / 2
            return [
                "  asked 1 head over \(choices.count.counted("class")), which lists: "
                    + text.choices(listed[...], atMost: Self.namedCount),
                "  asked the \(pairCount.counted("pair")) among those listed, and coupled them",
            ] + answerLines(text, answers)
        case .path(let answers):
            return [
                "  asked \(answers.count.counted("pair")), first class left against last; losers leave:"
            ]
                + answers.map {
                    "    \(text.name($0.winner)) \(text.decimal($0.probability)) beats \(text.name($0.loser))"
                }
        case .steps(let steps):
            return ["  asked \(steps.count.counted("head")), each over the classes left:"]
                + steps.map { step in
                    let kept = step.choices.dropLast(step.droppedCount)
                    return
                        "    of \(step.choices.count): \(text.choices(kept, atMost: Self.namedCount)); drops \(text.choices(step.dropped, atMost: Self.namedCount))"
                }
        }
    }

    /// The numbers of the first classes.
    private func numbers(_ text: ExplanationText, _ values: [Float]) -> String {
        let ordered = choices.prefix(Self.namedCount + 1).map {
            "\(text.name($0.classIndex)) \(text.decimal(Double(values[$0.classIndex])))"
        }
        return text.list(ordered, of: choices.count)
    }

    private func voteLines(_ text: ExplanationText, _ votes: [Double]?) -> [String] {
        let pairCount = choices.count * (choices.count - 1) / 2
        guard let votes else { return ["  asked \(pairCount.counted("pair")), and coupled them"] }
        let ordered = votes.indices.sorted { (votes[$1], $0) < (votes[$0], $1) }
            .prefix(Self.namedCount + 1).map { "\(text.name($0)) \(text.decimal(votes[$0]))" }
        return [
            "  asked \(pairCount.counted("pair")); votes, at most \(choices.count - 1) a class: "
                + text.list(ordered, of: votes.count)
        ]
    }

    /// The predicted class's own pairs.
    private func answerLines(_ text: ExplanationText, _ answers: [PairAnswer]) -> [String] {
        let won = answers.filter { $0.winner == predicted }
        let lost = answers.filter { $0.loser == predicted }
        func line(_ verb: String, _ some: [PairAnswer], _ name: (PairAnswer) -> Int) -> String {
            let named = some.prefix(Self.namedCount).map {
                "\(text.name(name($0))) \(text.decimal($0.probability))"
            }
            let closest =
                some.isEmpty
                ? "" : ", the closest \(verb) \(text.list(Array(named), of: some.count))"
            return "\(some.count)\(closest)"
        }
        let name = text.name(predicted)
        return [
            "  \(name) won \(line("against", won, \.loser))",
            "  \(name) lost \(line("to", lost, \.winner))",
        ]
    }

    /// The explanation as an object: `scheme`, `label`, `label_index`, `probability`, `temperature`, all
    /// `classes`, and what was asked: `logits`, `scores`, `votes` and `pairs`, `shortlist` and
    /// `pairs`, `path` or `steps`.
    ///
    /// - Parameter labels: of the classes of the model, all strings or all integers.
    package func json(labels: [JSONValue]) -> JSONValue {
        func label(_ index: Int) -> JSONValue { labels[index] }
        func list(_ choices: some Sequence<ClassChoice>) -> JSONValue {
            .array(
                choices.map {
                    .object([
                        "label": label($0.classIndex),
                        "label_index": .integer(Int64($0.classIndex)),
                        "probability": .number($0.probability),
                    ])
                })
        }
        func list(_ answers: [PairAnswer]) -> JSONValue {
            .array(
                answers.map {
                    .object([
                        "winner": label($0.winner), "loser": label($0.loser),
                        "probability": .number($0.probability),
                    ])
                })
        }
        func numbers(_ values: [Float]) -> JSONValue {
            .array(values.map { $0.isFinite ? .number(Double($0)) : .null })
        }
        var object: [String: JSONValue] = [
            "scheme": .string(scheme.rawValue), "label": label(predicted),
            "label_index": .integer(Int64(predicted)),
            "probability": .number(choices[0].probability),
            "temperature": temperature.map { .number($0) } ?? .null, "classes": list(choices),
        ]
        switch evidence {
        case .logits(let logits):
            object["logits"] = numbers(logits)
        case .scores(let scores): object["scores"] = numbers(scores)
        case .pairs(let votes, let answers):
            if let votes { object["votes"] = .array(votes.map { .number($0) }) }
            object["pairs"] = list(answers)
        case .shortlist(let listed, let answers):
            object["shortlist"] = list(listed)
            object["pairs"] = list(answers)
        case .path(let answers): object["path"] = list(answers)
        case .steps(let steps):
            object["steps"] = .array(
                steps.map { step in
                    .object([
                        "classes": list(step.choices),
                        "dropped": .array(step.dropped.map { label($0.classIndex) }),
                    ])
                })
        }
        return .object(object)
    }
}

/// How classes and numbers are written in an explanation.
private struct ExplanationText {
    let classNames: [String]

    func name(_ index: Int) -> String { classNames[index] }

    func choice(_ choice: ClassChoice) -> String {
        "\(name(choice.classIndex)) \(decimal(choice.probability))"
    }

    /// The first few choices, and how many more there are.
    func choices(_ choices: ArraySlice<ClassChoice>, atMost count: Int) -> String {
        list(choices.prefix(count).map { choice($0) }, of: choices.count)
    }

    /// Texts of the first of so many things.
    func list(_ texts: [String], of count: Int) -> String {
        let more = count - texts.count
        return texts.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
    }

    /// Four decimals.
    func decimal(_ value: Double) -> String {
        guard value.isFinite, value.magnitude < 1e12 else { return value < 0 ? "-inf" : "inf" }
        let scaled = Int((value.magnitude * 10_000).rounded())
        let digits = String(scaled % 10_000)
        return (value < 0 && scaled > 0 ? "-" : "") + String(scaled / 10_000) + "."
            + String(repeating: "0", count: 4 - digits.count) + digits
    }
}
