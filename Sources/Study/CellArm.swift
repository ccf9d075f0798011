/// Whose outputs a cell's scheme asks: the backbone's own, or the heads of an arm.
package enum CellArm: RawRepresentable, Codable, Hashable, Sendable {
    /// One-vs-all and its equal-step control.
    case backbone
    /// Every scheme that asks heads.
    case heads(StudyArm)

    /// The value with this key of results.json and results.csv; nil for an unknown key.
    package init?(rawValue: String) {
        if rawValue == Self.backbone.rawValue {
            self = .backbone
        } else if let arm = StudyArm(rawValue: rawValue) {
            self = .heads(arm)
        } else {
            return nil
        }
    }

    /// The key of results.json and results.csv: `backbone`, or the arm's.
    package var rawValue: String {
        switch self {
        case .backbone: "backbone"
        case .heads(let arm): arm.rawValue
        }
    }

    /// The name for people.
    package var title: String {
        switch self {
        case .backbone: "backbone"
        case .heads(let arm): arm.title
        }
    }
}
