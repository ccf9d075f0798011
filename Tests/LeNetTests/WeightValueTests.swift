import LeNet
import Testing

@Suite struct WeightValueTests {
    @Test func valuesMakeTheSameWeights() throws {
        let configuration = small()
        let weights = try BackboneWeights.glorotUniform(configuration)
        let again = try BackboneWeights(values: weights.values, for: configuration)
        #expect(again == weights)
        for values in [Array(weights.values.dropLast()), weights.values + [0], []] {
            let error = #expect(throws: BackboneError.self) {
                try BackboneWeights(values: values, for: configuration)
            }
            #expect(error?.code == .invalidWeights)
        }
        var impossible = configuration
        impossible.height = 3
        #expect(throws: BackboneError.self) {
            try BackboneWeights(values: weights.values, for: impossible)
        }
    }
}
