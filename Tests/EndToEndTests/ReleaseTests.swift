import Foundation
import TestSupport
import Testing

extension EndToEndTests {
    /// Every program says which release and which commit it is.
    @Suite(.timeLimit(.minutes(4))) struct ReleaseTests {
        @Test func everyProgramSaysItsReleaseAndItsCommit() async throws {
            var said: Set<String> = []
            for program in [Lab.coordinator, Lab.worker, Lab.bench] {
                let outcome = try await run(program, ["--version"])
                #expect(outcome.status == 0, "\(program.lastPathComponent)")
                #expect(outcome.standardError == "")
                said.insert(outcome.standardOutput)
            }
            #expect(said.count == 1)
            let version = /[0-9]+\.[0-9]+\.[0-9]+ \(commit (unknown|[0-9a-f]{40}(\+changes)?)\)\n/
            #expect(said.first?.wholeMatch(of: version) != nil, "\(said)")
        }
    }
}
