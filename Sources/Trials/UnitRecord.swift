import Foundation
package import Study

/// A unit with its outcome, as bytes: for the wire and for the disk.
///
/// The length of a JSON text as eight bytes, little-endian; the text; then a network's logits, float32
/// little-endian.
package struct UnitRecord: Sendable, Equatable {
    /// What was computed.
    package let unit: StudyUnit
    /// What came of it.
    package let outcome: UnitOutcome

    private struct Text: Codable {
        let unit: StudyUnit
        let outcome: UnitOutcome
    }

    /// A unit's outcome.
    package init(unit: StudyUnit, outcome: UnitOutcome) {
        self.unit = unit
        self.outcome = outcome
    }

    /// The bytes.
    ///
    /// - Throws: ``TrialError`` for a number that JSON cannot hold.
    package func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text: Data
        do { text = try encoder.encode(Text(unit: unit, outcome: outcome)) } catch {
            throw TrialError("the outcome of \(unit) holds a number that is none")
        }
        var bytes: [UInt8] = []
        for shift in stride(from: 0, to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: text.count >> shift))
        }
        bytes.append(contentsOf: text)
        if case .network(let network) = outcome {
            unsafe network.logits.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        }
        return bytes
    }

    /// Reads the bytes, of which nothing is trusted.
    ///
    /// - Throws: ``TrialError`` for what ``encoded()`` never writes.
    package init(decoding bytes: [UInt8]) throws {
        guard bytes.count >= 8 else { throw TrialError("an outcome ends before it begins") }
        let length = bytes[..<8].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(bytes.count - 8) else {
            throw TrialError("an outcome is shorter than it says")
        }
        let rest = 8 + Int(length)
        let text: Text
        do {
            text = try JSONDecoder().decode(Text.self, from: Data(bytes[8..<rest]))
        } catch {
            throw TrialError("an outcome cannot be read")
        }
        unit = text.unit
        switch text.outcome {
        case .trial:
            guard rest == bytes.count else { throw TrialError("an outcome is longer than it says") }
            outcome = text.outcome
        case .network(var network):
            guard (bytes.count - rest).isMultiple(of: 4) else {
                throw TrialError("an outcome's logits are cut")
            }
            network.logits = stride(from: rest, to: bytes.count, by: 4).map { index in
                let word = (0..<4).reduce(0 as UInt32) {
                    $0 | UInt32(bytes[index + $1]) << UInt32(8 * $1)
                }
                return Float(bitPattern: word)
            }
            outcome = .network(network)
        }
    }

    /// Whether the outcome is one of such a unit on test rows of such a data set.
    package func fits(testRowCount: Int, classCount: Int) -> Bool {
        switch (unit, outcome) {
        case (.trial(_, let arms, _), .trial(let trial)):
            let schemes = trial.backbone + trial.arms.flatMap(\.schemes)
            return trial.arms.map(\.arm) == arms
                && schemes.allSatisfy {
                    let predictions = $0.predictions
                    return predictions.count == testRowCount
                        && predictions.allSatisfy { (0..<classCount).contains($0) }
                }
        case (.network(_, _, let classes), .network(let network)):
            return network.logits.count == testRowCount * classes.count
                && network.logits.allSatisfy(\.isFinite)
        default: return false
        }
    }
}
