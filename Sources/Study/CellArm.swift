/// Whose outputs a cell's scheme asks: the backbone's own, or the heads of an arm.
package enum CellArm: Encodable, Hashable, Sendable {
    /// One-vs-all and its equal-step control.
    case backbone
    /// Every scheme that asks heads.
    case heads(StudyArm)

    /// The key of results.json and results.csv: `backbone`, or the arm's.
    package var key: String {
        switch self {
        case .backbone: "backbone"
        case .heads(let arm): arm.rawValue
        }
    }

    /// Writes the key.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(key)
    }

    /// The name for people.
    package var title: String {
        switch self {
        case .backbone: "backbone"
        case .heads(let arm): arm.title
        }
    }
}
