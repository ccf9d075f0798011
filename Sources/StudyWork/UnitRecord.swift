import Decoding
import FeatureStore
import Foundation
package import Study

/// A unit with its outcome, as bytes: for the wire and for the disk.
///
/// The length of a JSON text as eight bytes, little-endian; the text; then a network's logits, float32
/// little-endian.
package struct UnitRecord: Sendable, Equatable {
    /// What was computed.
    package let unit: StudyUnit
    /// Its result.
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
        let text: Data
        do { text = try PackedText.encoder.encode(Text(unit: unit, outcome: outcome)) } catch {
            throw TrialError("the outcome of \(unit) holds a NaN or an infinity")
        }
        var bytes = PackedText.packed(text)
        if case .network(let network) = outcome {
            unsafe network.logits.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        }
        return bytes
    }

    /// Reads the bytes, all of them untrusted.
    ///
    /// - Throws: ``TrialError`` for what ``encoded()`` never writes.
    package init(decoding bytes: [UInt8]) throws {
        let whole: (text: Data, rest: ArraySlice<UInt8>)
        do throws(PackedText.Flaw) { whole = try PackedText.split(bytes) } catch {
            throw TrialError("an outcome \(error.rawValue)")
        }
        let text: Text
        do { text = try JSONDecoder().decode(Text.self, from: whole.text) } catch {
            throw TrialError("an outcome cannot be read")
        }
        unit = text.unit
        switch text.outcome {
        case .trial:
            guard whole.rest.isEmpty else { throw TrialError("an outcome is longer than it says") }
            outcome = text.outcome
        case .network(var network):
            guard let logits = FloatBytes.floats(whole.rest) else {
                throw TrialError("an outcome's logits are cut")
            }
            network.logits = logits
            outcome = .network(network)
        }
    }

    /// Whether the outcome is what such a unit brings on test rows with these labels: everything that is
    /// to be there, nothing else, and counts that agree with the predictions.
    ///
    /// The probabilities cannot be checked here; another worker can compute them again (`--verify`).
    package func fits(labels: [Int], classCount: Int) -> Bool {
        switch (unit, outcome) {
        case (.trial(_, let arms, let isControlled), .trial(let trial)):
            let backbone: [Scheme] = [.oneVsAll] + (isControlled ? [.oneVsAllEqualSteps] : [])
            return trial.backbone.map(\.scheme) == backbone && trial.arms.map(\.arm) == arms
                && trial.trainRowCount >= 0
                && trial.backbone.allSatisfy { $0.fits(labels, classCount) }
                && trial.arms.allSatisfy { $0.fits(labels, classCount) }
        case (.network(_, _, let classes), .network(let network)):
            return network.logits.count == labels.count * classes.count
                && network.logits.allSatisfy(\.isFinite)
        default: return false
        }
    }
}

extension ArmOutcome {
    fileprivate func fits(_ labels: [Int], _ classCount: Int) -> Bool {
        schemes.map(\.scheme) == Scheme.overHeads(classCount: classCount)
            && schemes.allSatisfy { $0.fits(labels, classCount) }
            && policies.map(\.policy) == SchemeScoring.policies.map(\.title)
            && policies.allSatisfy { policy in
                [
                    policy.accuracy, policy.headsPerRow, policy.flopsPerRow,
                    policy.topNeverChangedShare,
                ].allSatisfy { (0...1e15).contains($0) }
            }
    }
}

extension SchemeOutcome {
    fileprivate func fits(_ labels: [Int], _ classCount: Int) -> Bool {
        let predictions = predictions
        let figures = [negativeLogLikelihood, brierScore, expectedCalibrationError]
        return predictions.count == labels.count
            && predictions.allSatisfy { (0..<classCount).contains($0) }
            && correctCount == zip(predictions, labels).count { $0 == $1 }
            && figures.allSatisfy { (0...1e3).contains($0) }
            && calibration.count == ProbabilityMetrics.calibrationBinCount
            && calibration.allSatisfy { (0...labels.count).contains($0.count) }
            && calibration.reduce(0) { $0 + $1.count } == labels.count
            && calibration.allSatisfy {
                (0...1.000_001).contains($0.meanConfidence) && (0...1.000_001).contains($0.accuracy)
            }
    }
}
