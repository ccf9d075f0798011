import Decoding
import Foundation
import Study
import Testing

@Suite struct StudyKeysTests {
    // As `coordinator reproduce` writes results.json.
    @Test func cellsHaveTheKeysOfEveryFile() throws {
        var cell = StudyCell(fraction: 0.5, arm: .heads(.frozen), scheme: .treeElimination)
        cell.negativeLogLikelihood = 0.25
        cell.brierScores = [0.125]
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        let json = try encoder.encode(cell)
        let members = try #require(
            JSONSerialization.jsonObject(with: json) as? [String: any Sendable])
        #expect(members["nll"] as? Double == 0.25)
        #expect(members["briers"] as? [Double] == [0.125])
        #expect(
            Set(members.keys).isSuperset(of: [
                "accuracies", "mean_accuracy", "nlls", "briers", "eces", "nll", "brier", "ece",
                "balanced_accuracies", "head_digests", "confusion", "calibration", "trials",
            ]))
        #expect(members["arm"] as? String == "frozen")
        #expect(members["scheme"] as? String == "tree")
    }
}
