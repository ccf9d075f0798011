import Formats
import RunFolder
import TestSupport
import Testing

/// Artefacts that were damaged in every way there is.
@Suite struct FuzzTests {
    @Test(.timeLimit(.minutes(240))) func damagedJSONIsReadOrRefused() throws {
        let count = fuzzCount(usual: 5_000, share: 0.1)
        let file = try JSONFile.encode(sampleResults)
        var mutator = Mutator([[file]], seed: fuzzSeed)
        var readCount = 0
        for _ in 0..<count {
            let bytes = mutator.damaged(file)
            if (try? JSONFile.decode(RunResults.self, from: bytes)) != nil { readCount += 1 }
            if let value = try? JSONFile.decode(JSONValue.self, from: bytes) {
                _ = try? JSONFile.encode(value)
            }
        }
        print("\(count) files, \(readCount) read")
        #expect(readCount > 0)
        #expect(readCount < count)
    }
}
