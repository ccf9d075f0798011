import InferenceProtocol
import TestSupport
import Testing

/// Bodies that were damaged in every way there is.
@Suite struct FuzzTests {
    private static let samples: [[UInt8]] = [
        Samples.features([2, 3], "[[1,2.5,-3e-2],[4,NaN,6]]", ",\"id\":\"x\""),
        Samples.features([1, 3], "[1.0000000149011612,null,7]", datatype: "INT32"),
        Samples.features(
            [2, 3], "[1,2,3,4,5,6]",
            #","outputs":[{"name":"label"},{"name":"probabilities","parameters":{"classification":2}}],"parameters":{"top":2,"scheme":"dag","binary_data_output":true}"#
        ),
        Samples.binary([1, 3], "FP32", [UInt8](repeating: 64, count: 12)).body,
        Samples.binary([2, 3], "FP16", [UInt8](repeating: 3, count: 12)).body,
    ]

    // Goal: no body traps, takes memory out of proportion, or has an answer that is not of its rows.
    // Method: a seeded mutator over valid bodies, read with and without a length of the JSON.
    @Test(.timeLimit(.minutes(240))) func readersWithstandAnything() throws {
        let count = fuzzCount(usual: 20_000)
        var mutator = Mutator(Self.samples.map { [$0] }, seed: fuzzSeed)
        var tally: [String: Int] = [:]
        for number in 0..<count {
            let body = Array(mutator.message().joined())
            let what: Comment = "body \(number) of MANYHEADS_FUZZ_SEED=\(fuzzSeed)"
            // Where the JSON ends, if it is whole; a byte more or less now and then.
            let end = body.lastIndex(of: UInt8(ascii: "}")).map { $0 + 1 } ?? body.count
            for length in [nil, "\(end)", "\(end ^ number & 1)"] {
                do throws(InferenceError) {
                    let request = try InferenceRequest(body: body, length: length)
                    let answer = try InferenceAnswer(to: request, by: Samples.names)
                    let rows = try request.rows(for: Samples.names)
                    tally["read", default: 0] += 1
                    #expect(rows.count * 3 <= body.count, what)
                    let probabilities = [Double](repeating: 0.25, count: rows.count * 3)
                    let (bytes, jsonByteCount) = answer.body(probabilities[...])
                    #expect(jsonByteCount ?? 0 <= bytes.count, what)
                } catch {
                    tally[String(error.message.prefix(16)), default: 0] += 1
                    #expect(error.status == 400 && error.message.utf8.count < 4_000, what)
                }
            }
        }
        print("\(count) bodies, \(tally.count) kinds of outcome")
        // Whatever fails at once shows nothing of what lies behind.
        #expect(tally["read", default: 0] > count / 50)
        #expect(tally.count >= 10)
    }

    @Test func everyCutIsRefused() {
        for sample in Self.samples.prefix(3) {
            for end in 0..<sample.count {
                #expect(throws: InferenceError.self) {
                    try InferenceRequest(body: Array(sample[..<end]))
                }
            }
        }
    }

    @Test func deepNestingIsRefused() {
        for opening in ["[", #"{"a":"#] {
            let body = #"{"x":"# + String(repeating: opening, count: 100_000)
            let error = #expect(throws: InferenceError.self) {
                try InferenceRequest(body: Array(body.utf8))
            }
            #expect(error?.message == "the request is nested too deep")
        }
    }
}
