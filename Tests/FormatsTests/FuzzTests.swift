import Formats
import Numerics
import TestSupport
import Testing

/// Files that were damaged in every way there is.
@Suite struct FuzzTests {
    @Test(.timeLimit(.minutes(240))) func damagedArraysAreReadOrRefused() throws {
        let count = fuzzCount(usual: 20_000)
        let matrix = NPY.encode(Matrix(rowCount: 2, columnCount: 3, values: [1, 2, 3, 4, 5, 6]))
        let labels = NPY.encode(labels: [3, 1, 4])
        var mutator = Mutator([[matrix], [labels]], seed: fuzzSeed)
        var readCount = 0
        for number in 0..<count {
            let what: Comment = "file \(number) of MANYHEADS_FUZZ_SEED=\(fuzzSeed)"
            let bytes = mutator.damaged(mutator.generator.chance(0.5) ? matrix : labels)
            if let read = try? decodedMatrix(bytes) {
                readCount += 1
                #expect(read.values.count * 4 <= bytes.count, what)
                let again = try NPY.encode(decodedMatrix(NPY.encode(read)))
                #expect(again == NPY.encode(read), what)
            }
            if let read = try? decodedLabels(bytes) {
                readCount += 1
                #expect(try decodedLabels(NPY.encode(labels: read)) == read, what)
            }
        }
        print("\(count) files, \(readCount) read")
        #expect(readCount > count / 100)
        #expect(readCount < count)
    }

    @Test func deepJSONIsRefused() {
        for open in ["[", "{\"a\":"] {
            let deep = Array(String(repeating: open, count: 1 << 20).utf8)
            #expect(throws: FormatError.self) { try JSONFile.decode(JSONValue.self, from: deep) }
        }
    }
}
