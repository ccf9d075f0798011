import Formats
import Heads
import Journal
import Numerics
import RunFolder
import TestSupport
import Testing
import WireProtocol

extension EndToEndTests {
    /// Workers that compute wrongly, and heads that workers die of.
    @Suite(.timeLimit(.minutes(4))) struct TrustTests {
        /// What an honest worker would answer, from the run that the others are compared with.
        private struct Answers: Sendable {
            let heads: [HeadKey: Head]

            init(_ run: FinishedRun) throws {
                let journal = try RunJournal(path: RunDirectory.path(of: .journal, in: run.path))
                defer { journal.close() }
                heads = Dictionary(
                    uniqueKeysWithValues: try journal.heads().flatMap(\.block.heads).map {
                        ($0.key, $0)
                    })
            }

            func result(
                _ lease: BundleAssignment, flippingABitOf spoiled: HeadKey? = nil
            ) throws -> WorkerMessage {
                .bundleTrained(
                    BundleTrained(
                        bundle: lease.bundle, attempt: lease.attempt, busySeconds: 0.001,
                        content: .heads(
                            HeadBlock.runs(
                                of: try lease.heads.map { key in
                                    let head = try #require(heads[key])
                                    return key == spoiled ? Self.flipped(head) : head
                                }))))
            }

            /// The least bit of one weight is another.
            private static func flipped(_ head: Head) -> Head {
                var values = head.weights.values
                values[7] = Float(bitPattern: values[7].bitPattern ^ 1)
                return Head(
                    key: head.key,
                    weights: Matrix(
                        rowCount: head.weights.rowCount, columnCount: head.weights.columnCount,
                        values: values), biases: head.biases)
            }
        }

        @Test func oneFlippedBitIsFoundAndItsWorkerSentAway() async throws {
            let reference = try await Lab.reference
            let folder = try TemporaryDirectory()
            try await reference.job.beginWithBackbone(in: folder.path("run"))
            let process = try reference.job.start(
                in: folder.path("run"), ["--verify", "1", "--min-workers", "2"])
            let address = try await endpoint(of: process)
            let answers = try Answers(reference)
            let worker = try startWorker(address, name: "honest")
            // Right in all but one bit of the first head that it gets.
            let spoiled = try await FakeWorker.play(address) { liar in
                try liar.join(name: "liar")
                let first = try liar.lease()
                let spoiled = first.heads[0]
                var lease: BundleAssignment? = first
                while let held = lease {
                    try liar.send(answers.result(held, flippingABitOf: spoiled))
                    lease = try liar.nextLease()
                }
                return spoiled
            }
            #expect(try await process.exitStatus() == 0, "\(process.standardError)")
            #expect(try await worker.exitStatus() == 0)
            let results = try RunDirectory.readResults(in: folder.path("run"))
            #expect(results.digests == reference.results.digests)
            let verification = try #require(results.verification)
            #expect(verification.checked == 57)
            #expect(verification.differing >= 1)
            #expect(verification.refereed >= 1)
            let quarantine = try #require(results.quarantine)
            #expect(quarantine.workers.map(\.name) == ["liar"])
            let classes = try #require(answers.heads[spoiled]).classes
            #expect(quarantine.workers[0].reason.contains("\(classes)"))
            #expect(quarantine.heads == [])
            #expect(results.workers.first { $0.name == "liar" }?.heads == 0)
            #expect(results.workers.first { $0.name == "honest" }?.heads == 57)
            let journal = try RunJournal(path: folder.path("run/journal.sqlite"))
            defer { journal.close() }
            #expect(Set(try journal.heads().map(\.worker)) == ["honest"])
        }

        @Test func aHeadThatKillsItsWorkersIsLeftOut() async throws {
            let reference = try await Lab.reference
            let folder = try TemporaryDirectory()
            try await reference.job.beginWithBackbone(in: folder.path("run"))
            let process = try reference.job.start(in: folder.path("run"))
            let address = try await endpoint(of: process)
            let answers = try Answers(reference)
            let deadly = ClassSet([1, 4])
            // Each process dies when it is to train that head; the next takes its connection over.
            let deaths = try await FakeWorker.play(address) { _ in
                for death in 0..<60 {
                    let mortal = try FakeWorker(
                        address, identity: [77], waitMilliseconds: 1_000)
                    var lease: BundleAssignment?
                    // The last death ends the run, and there is nobody to answer.
                    do { lease = try mortal.firstLease(name: "mortal") } catch
                        where !process.isRunning
                    { return death }
                    while let held = lease {
                        if held.heads.contains(where: { $0.classes == deadly }) { break }
                        try mortal.send(answers.result(held))
                        lease = try mortal.nextLease()
                    }
                    if lease == nil { return death }
                }
                return 60
            }
            #expect(try await process.exitStatus() == 75, "\(process.standardError)")
            // Three of the bundle, one for each halving, three of the head by itself.
            #expect((7...14).contains(deaths))
            #expect(process.standardError.contains("{1,4}"))
            #expect(process.standardOutput.contains("tree"))
            let results = try RunDirectory.readResults(in: folder.path("run"))
            #expect(results.quarantine?.heads == [[1, 4]])
            #expect(results.heads.trained == 56)
            #expect(results.digests.heads != reference.results.digests.heads)
            // The backbone's own outputs stand in, so every scheme predicts.
            #expect(results.schemes.tree != nil && results.schemes.allVsAll != nil)
            let model = try Safetensors(
                contentsOf: RunDirectory.path(of: .model, in: folder.path("run")))
            #expect(model.metadata["heads.missing"] == "1,4")

            // Where it does not kill, the same run gets what it lacks.
            let again = try reference.job.start(in: folder.path("run"), ["--workers", "1"])
            #expect(try await again.exitStatus() == 0, "\(again.standardError)")
            let whole = try RunDirectory.readResults(in: folder.path("run"))
            #expect(whole.digests == reference.results.digests)
            #expect(whole.heads.resumed == 56 && whole.heads.trained == 1)
            #expect(whole.quarantine == nil)
        }
    }
}
