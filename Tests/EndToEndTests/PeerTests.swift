import Heads
import Numerics
import RunFolder
import System
import TestSupport
import Testing
import WireProtocol
import ZeroMQ

extension EndToEndTests {
    /// Peers that are wrong, lie, or never come: refused and counted, and the run goes on.
    @Suite(.timeLimit(.minutes(4))) struct PeerTests {
        /// A coordinator that waits for workers, in a folder of its own.
        private struct Waiting {
            let folder: TemporaryDirectory
            let process: RunningProcess
            let endpoint: String
            let reference: FinishedRun

            init() async throws {
                folder = try TemporaryDirectory()
                reference = try await Lab.reference
                try await reference.job.beginWithBackbone(in: folder.path("run"))
                process = try reference.job.start(in: folder.path("run"))
                endpoint = try await EndToEndTests.endpointOf(process)
            }

            /// Lets an honest worker end the run, which must be as if nothing had happened.
            func finish() async throws -> RunResults {
                let worker = try startWorker(endpoint, name: "honest")
                #expect(try await process.exitStatus() == 0)
                #expect(try await worker.exitStatus() == 0)
                let results = try RunDirectory.readResults(in: folder.path("run"))
                #expect(results.digests == reference.results.digests)
                return results
            }
        }

        @Test func withoutWorkersItSaysSoAndWaits() async throws {
            let run = try await Waiting()
            let isPlea: @Sendable (RunningProcess.Line) -> Bool = {
                $0.text.hasSuffix(
                    "waiting for workers at \(run.endpoint): 0 joined, 0 ready, 1 needed; "
                        + "start one with: worker --connect \(run.endpoint)")
            }
            try await run.process.line(where: isPlea)
            try await eventually("it says so again") {
                run.process.lines.count(where: isPlea) >= 2
            }
            #expect(run.process.isRunning)
            #expect(run.process.standardOutput == "")
            _ = try await run.finish()
        }

        @Test func itWaitsNoLongerThanToldAndKeepsWhatIsTrained() async throws {
            let folder = try TemporaryDirectory()
            let reference = try await Lab.reference
            try await reference.job.beginWithBackbone(in: folder.path("run"))
            let vain = try await reference.job.run(in: folder.path("run"), ["--wait", "2.5"])
            #expect(vain.status == 69)
            let lines = vain.standardError.split(separator: "\n")
            #expect(lines.contains { $0.contains(", for 2.5 s at most: 0 joined, ") })
            #expect(
                lines.last
                    == "coordinator: no worker was there within 2.5 s (--wait); what is trained is kept"
            )
            let results = try await reference.job.run(
                in: folder.path("run"), ["--wait", "60", "--workers", "1"])
            #expect(results.status == 0, "\(results.standardError)")
            #expect(
                try RunDirectory.readResults(in: folder.path("run")).digests
                    == reference.results.digests)
        }

        @Test func aWorkerWaitsNoLongerThanTold() async throws {
            let endpoint = try freeEndpoint()
            let worker = try startWorker(endpoint, name: "w", ["--wait", "3"])
            #expect(try await worker.exitStatus() == 69)
            #expect(
                worker.lines.contains {
                    $0.text.hasSuffix(
                        "no coordinator at \(endpoint) yet: Connection refused; trying on for 3 s at most"
                    )
                }, "\(worker.standardError)")
            #expect(
                worker.standardError.hasSuffix(
                    "worker: no coordinator answered within 3 s (--wait): no coordinator at \(endpoint) yet: Connection refused\n"
                ), "\(worker.standardError)")
        }

        // A firewall lets the control port through, and not the next one.
        @Test func aBroadcastThatCannotBeReachedIsSaid() async throws {
            let features = try #require(TCPEndpoint(try freeEndpoint()))
            let welcome = CoordinatorMessage.welcome(
                Welcome(
                    runID: [UInt8](repeating: 1, count: Welcome.runIDByteCount),
                    workerNumber: 1, heartbeatMilliseconds: 1_000, featurePort: features.port,
                    featuresReady: false)
            ).encode()
            try await withCoordinator(answering: welcome) { address in
                let worker = try startWorker(address, name: "behind")
                try await worker.line(
                    containing: "the broadcast at \(features) brings nothing: Connection refused;")
            }
        }

        /// Plays a coordinator that answers whatever it hears with one message, until the body has ended:
        /// hanging up earlier could lose the answer.
        private func withCoordinator(
            answering answer: [[UInt8]], _ body: (_ address: String) async throws -> Void
        ) async throws {
            let thread = try ThreadExecutor(name: "coordinator")
            let (endpoints, announce) = AsyncStream.makeStream(of: String.self)
            // Cancelled at the end.
            async let _: Void = thread.run { flag in
                var options = SocketOptions()
                options.receiveTimeoutMilliseconds = 50
                let socket = try Socket(.router, in: try Context(), options: options)
                announce.yield(try socket.bind("tcp://127.0.0.1:0"))
                announce.finish()
                while !flag.isCancelled {
                    guard let message = try socket.receive(dontWait: false) else { continue }
                    _ = try? socket.send([message[0]] + answer.map { Frame($0) })
                }
            }
            var address: String?
            for await endpoint in endpoints { address = endpoint }
            try await body(try #require(address))
        }

        @Test func tooFewWorkersAreNotEnough() async throws {
            let folder = try TemporaryDirectory()
            let reference = try await Lab.reference
            try await reference.job.beginWithBackbone(in: folder.path("run"))
            let process = try reference.job.start(in: folder.path("run"), ["--min-workers", "2"])
            let address = try await endpoint(of: process)
            let first = try startWorker(address, name: "first")
            try await process.line(containing: ": 1 joined, 1 ready, 2 needed")
            let second = try startWorker(address, name: "second")
            #expect(try await process.exitStatus() == 0)
            for worker in [first, second] { #expect(try await worker.exitStatus() == 0) }
            let results = try RunDirectory.readResults(in: folder.path("run"))
            #expect(results.digests == reference.results.digests)
        }

        @Test func aWorkerOfAnotherVersionIsRefused() async throws {
            let run = try await Waiting()
            let refusal = try await FakeWorker.play(run.endpoint) { worker in
                let hello = WorkerMessage.hello(FakeWorker.hello(name: "newer"))
                try worker.send(frames: hello.encode().ofVersion(99))
                return try worker.refusal()
            }
            #expect(refusal.code == .versionMismatch)
            #expect(refusal.wantedVersion == WireProtocol.version)
            #expect(refusal.message.contains("99"))
            try await run.process.line(containing: "a worker was refused")
            let results = try await run.finish()
            #expect(results.heads.rejected == 1)
            #expect(results.workers.map(\.name) == ["honest"])
        }

        @Test func aCoordinatorOfAnotherVersionEndsTheWorker() async throws {
            let refusal = CoordinatorMessage.refused(
                Refused(
                    code: .versionMismatch, message: "version 99 is spoken here",
                    wantedVersion: 99)
            ).encode().ofVersion(99)
            try await withCoordinator(answering: refusal) { address in
                let worker = try startWorker(address, name: "older")
                #expect(try await worker.exitStatus() == 69)
                #expect(
                    worker.standardError.contains("worker: the coordinator refused this worker"))
                #expect(worker.standardError.contains("version 99 is spoken here"))
            }
        }

        @Test func strangersNoiseIsCountedAndDropped() async throws {
            let run = try await Waiting()
            try await FakeWorker.play(run.endpoint) { worker in
                try worker.send(frames: [[]])
                try worker.send(frames: [[1, 2, 3], [4], [5]])
                try worker.send(frames: [[UInt8](repeating: 255, count: 100_000)])
                // Welcome after all: the noise did no harm, but three more of it do.
                try worker.join(name: "noisy")
                let hello = WorkerMessage.ready.encode()
                for _ in 0..<3 { try worker.send(frames: hello + [[0]]) }
                let refusals = try (0..<4).map { _ in try worker.refusal().code }
                #expect(refusals == [.malformed, .malformed, .malformed, .notAccepting])
            }
            let results = try await run.finish()
            #expect(results.heads.rejected == 6)
            #expect(results.workers.map(\.name) == ["noisy", "honest"])
        }

        @Test func messagesOfNobodyGetAnAnswer() async throws {
            let run = try await Waiting()
            let refusal = try await FakeWorker.play(run.endpoint) { worker in
                try worker.send(.ready)
                return try worker.refusal()
            }
            #expect(refusal.code == .unknownWorker)
            _ = try await run.finish()
        }

        /// Heads that cannot be right, each as an answer to a lease of the liar's own.
        enum Lie: String, CaseIterable, Sendable {
            case otherHeads, otherClasses, tooFewHeads, otherFeatureCount, notFinite, cutShort

            func answer(_ lease: BundleAssignment) -> [[UInt8]] {
                var featureCount = 256
                var keys = lease.heads
                var value: Float = 0
                switch self {
                case .otherHeads:
                    // One of the plan's, that nobody asked for.
                    let others = HeadPlan(.subsets, classCount: 6).heads
                    keys.removeLast()
                    keys += others.filter { !lease.heads.contains($0) }.prefix(1)
                case .otherClasses: keys[0] = HeadKey(ClassSet([4, 70]))
                case .tooFewHeads:
                    if keys.count > 1 { keys.removeLast() } else { featureCount = 1 }
                case .otherFeatureCount: featureCount = 255
                case .notFinite: value = .nan
                case .cutShort: break
                }
                let result = BundleTrained(
                    bundle: lease.bundle, attempt: lease.attempt, busySeconds: 0.1,
                    content: .heads(
                        HeadBlock.runs(
                            of: keys.map { key in
                                let count = key.outputCount
                                return Head(
                                    key: key,
                                    weights: Matrix(
                                        rowCount: count, columnCount: featureCount,
                                        values: [Float](
                                            repeating: value, count: count * featureCount)),
                                    biases: [Float](repeating: 0, count: count))
                            })))
                var frames = WorkerMessage.bundleTrained(result).encode()
                if self == .cutShort { frames[1].removeLast(4) }
                return frames
            }
        }

        @Test(arguments: Lie.allCases) func liesAreRefused(lie: Lie) async throws {
            let run = try await Waiting()
            try await FakeWorker.play(run.endpoint) { worker in
                try worker.join(name: "liar")
                try worker.send(frames: lie.answer(try worker.lease()))
                try worker.send(.goodbye)
            }
            try await run.process.line(containing: "warning: worker liar")
            let results = try await run.finish()
            #expect(results.heads.rejected == 1)
            #expect(results.workers.map(\.heads) == [0, 57])
        }

        @Test func resultsOfSomebodyElsesLeaseAreDropped() async throws {
            let run = try await Waiting()
            let lease = try await FakeWorker.play(run.endpoint) { owner in
                try owner.join(name: "owner")
                let lease = try owner.lease()
                // Zeros in place of trained heads, well-formed: from the owner they would count.
                let thief = try FakeWorker(run.endpoint)
                try thief.join(name: "thief")
                try thief.send(frames: Self.zeros(for: lease))
                // What never was leased, and a bundle that never was.
                var other = lease
                other.attempt += 7
                try thief.send(frames: Self.zeros(for: other))
                other.bundle += 1_000
                try thief.send(frames: Self.zeros(for: other))
                try thief.send(.goodbye)
                try owner.send(.goodbye)
                return lease
            }
            #expect(!lease.heads.isEmpty)
            let results = try await run.finish()
            #expect(results.workers.map(\.heads) == [0, 0, 57])
        }

        private static func zeros(for lease: BundleAssignment) -> [[UInt8]] {
            // The one lie without an untruth in its shape.
            var frames = Lie.cutShort.answer(lease)
            frames[1] += [0, 0, 0, 0]
            return frames
        }

        @Test func aWorkerThatNeverAnswersLosesItsLeases() async throws {
            let run = try await Waiting()
            let (leases, announce) = AsyncStream.makeStream(of: BundleAssignment.self)
            // Unstructured: it stays connected, and silent, for as long as anybody listens.
            let mute = Task {
                try await FakeWorker.play(run.endpoint) { worker in
                    try worker.join(name: "mute")
                    announce.yield(try worker.lease())
                    announce.finish()
                    try worker.stayConnected()
                }
            }
            var leased = 0
            for await lease in leases { leased += lease.heads.count }
            #expect(leased > 0)
            try await run.process.line(containing: "worker mute fell silent")
            let results = try await run.finish()
            #expect(results.workers.map(\.heads) == [0, 57])
            mute.cancel()
        }
    }

    /// ``endpoint(of:)``, where a property of that name hides it.
    static func endpointOf(_ process: RunningProcess) async throws -> String {
        try await endpoint(of: process)
    }
}
