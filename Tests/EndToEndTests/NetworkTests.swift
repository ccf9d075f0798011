import Foundation
import Journal
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// Coordinator and workers on hosts of their own, over networks good and bad.
    @Suite(
        .enabled(
            if: VirtualNetwork.isPermitted,
            "needs network namespaces: root, and apt install iproute2"),
        .timeLimit(.minutes(NetworkRounds.minutes)))
    struct NetworkTests {
        /// The coordinator's host; workers have the others.
        private static let home = 1
        private static let port = 5_555

        /// Delay, jitter, loss, reordering and a rate limit, each worse than most home networks'.
        static let bad = WireConditions(
            delayMilliseconds: 8, jitterMilliseconds: 6, loss: 0.05, reordering: 0.1,
            bitsPerSecond: 20e6)

        private func endpoint(_ network: VirtualNetwork) -> String {
            "tcp://\(network.address(of: Self.home)):\(Self.port)"
        }

        private func startCoordinator(
            _ job: Job, in path: String, on network: VirtualNetwork, _ more: [String] = []
        ) throws -> RunningProcess {
            var job = job
            job.bind = endpoint(network)
            // Without keys, which the namespaces make needless: nobody else is on this network.
            return try network.start(
                Lab.coordinator, job.arguments(in: path) + ["--insecure"] + more, on: Self.home)
        }

        private func startWorker(
            _ name: String, on host: Int, of network: VirtualNetwork
        ) throws -> RunningProcess {
            try network.start(
                Lab.worker,
                ["--connect", endpoint(network), "--name", name, "--threads", "1"], on: host)
        }

        /// A short job over a bad network from the first hello to the farewell.
        private func runOverABadNetwork(_ network: VirtualNetwork) async throws {
            let folder = try TemporaryDirectory()
            let reference = try await Lab.reference
            let path = folder.path("run")
            try await reference.job.beginWithBackbone(in: path)
            let coordinator = try startCoordinator(
                reference.job, in: path, on: network, ["--min-workers", "2"])
            let workers = try [2, 3].map {
                try startWorker("host-\($0)", on: $0, of: network)
            }
            #expect(try await coordinator.exitStatus() == 0, "\(coordinator.standardError)")
            let results = try RunDirectory.readResults(in: path)
            #expect(results.digests == reference.results.digests)
            #expect(Set(results.workers.map(\.name)) == ["host-2", "host-3"])
            for worker in workers { #expect(try await worker.exitStatus() == 0) }
        }

        @Test(
            .enabled(
                if: VirtualNetwork.hasEmulator,
                "this kernel lacks sch_netem; overARelay does the same by other means"))
        func overTheKernelsEmulator() async throws {
            try await runOverABadNetwork(VirtualNetwork(hostCount: 3, .emulator(Self.bad)))
        }

        @Test(.enabled(if: FrameRelay.isPermitted, "needs /dev/net/tun")) func overARelay()
            async throws
        {
            let network = try VirtualNetwork(hostCount: 3, .relay(Self.bad, seed: 1))
            try await runOverABadNetwork(network)
            let traffic = try #require(network.traffic)
            print("the relay forwarded \(traffic.forwardedCount) frames, lost \(traffic.lostCount)")
            #expect(traffic.lostCount > 0)
            #expect(traffic.hurriedCount > 0)
        }

        @Test(
            .enabled(
                if: FrameRelay.isPermitted && !NetworkRounds.seeds.isEmpty,
                "by option: MANYHEADS_NETWORK_ROUNDS=100"))
        func roundsOverNetworksOfEveryKind() async throws {
            var survivedCount = 0
            for seed in NetworkRounds.seeds {
                do {
                    try await round(seed)
                    survivedCount += 1
                } catch {
                    Issue.record(
                        """
                        seed \(seed): \(error); once more: \
                        MANYHEADS_NETWORK_SEED=\(seed) Scripts/test --filter NetworkTests
                        """)
                }
            }
            print("\(survivedCount) rounds over bad networks survived")
        }

        private func round(_ seed: UInt64) async throws {
            var chance = SeededGenerator(seed: seed)
            let conditions = NetworkRounds.conditions(&chance)
            let network = try VirtualNetwork(hostCount: 3, .relay(conditions, seed: seed))
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            let expected = try await LongRun.results
            let job = try Job.long()
            try await job.beginWithBackbone(in: path)
            var coordinator = try startCoordinator(job, in: path, on: network)
            let workers = try [2, 3].map { try startWorker("host-\($0)", on: $0, of: network) }
            for (after, event) in NetworkRounds.events(&chance) {
                try await Task.sleep(for: .milliseconds(after))
                guard coordinator.isRunning else { break }
                switch event {
                case .cut(let host, let milliseconds):
                    try network.setLink(of: host, isUp: false)
                    try await Task.sleep(for: .milliseconds(milliseconds))
                    try network.setLink(of: host, isUp: true)
                case .vanish(let milliseconds):
                    try network.setLink(of: Self.home, isUp: false)
                    coordinator.send(SIGKILL)
                    try await coordinator.exitStatus()
                    try await Task.sleep(for: .milliseconds(milliseconds))
                    try network.setLink(of: Self.home, isUp: true)
                    coordinator = try startCoordinator(job, in: path, on: network)
                }
            }
            let status = try await coordinator.exitStatus(within: .seconds(90))
            try #require(status == 0, "\(conditions): \(coordinator.standardError)")
            try #require(try RunDirectory.readResults(in: path).digests == expected.digests)
            for worker in workers {
                // The farewell may have been lost with the link.
                let ended = try? await worker.exitStatus(within: .seconds(3))
                if ended == nil { worker.send(SIGTERM) }
                try #require(try await worker.exitStatus(within: .seconds(120)) == 0)
            }
        }

        @Test func aLinkThatIsCutForLongerThanALeaseLivesAndHeals() async throws {
            let network = try VirtualNetwork(hostCount: 3, .bridge)
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            let expected = try await LongRun.results
            let job = try Job.long()
            try await job.beginWithBackbone(in: path)
            let coordinator = try startCoordinator(job, in: path, on: network)
            let far = try startWorker("far", on: 2, of: network)
            try await far.line(containing: "holding 1,200 rows")
            try await hasComputed(far.identifier, seconds: 0.5)
            try network.setLink(of: 2, isUp: false)
            try await coordinator.line(containing: "worker far fell silent")
            let near = try startWorker("near", on: 3, of: network)
            try await near.line(containing: "holding 1,200 rows")
            try network.setLink(of: 2, isUp: true)
            #expect(try await coordinator.exitStatus() == 0, "\(coordinator.standardError)")
            let results = try RunDirectory.readResults(in: path)
            #expect(results.digests == expected.digests)
            #expect(results.heads.trained == 57)
            // It came back and was told of the end.
            #expect(coordinator.lines.count { $0.text.contains("worker far joined") } >= 2)
            for worker in [far, near] { #expect(try await worker.exitStatus() == 0) }
        }

        @Test func aCoordinatorThatVanishesWithItsHostAndReturns() async throws {
            let network = try VirtualNetwork(hostCount: 3, .bridge)
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            let expected = try await LongRun.results
            let job = try Job.long()
            try await job.beginWithBackbone(in: path)
            let first = try startCoordinator(job, in: path, on: network)
            let workers = try [2, 3].map { try startWorker("host-\($0)", on: $0, of: network) }
            for worker in workers { try await worker.line(containing: "holding 1,200 rows") }
            try await eventually("heads are kept") { progress(in: path).headCount > 0 }
            // The link first: nothing tells the workers that their connections are dead.
            try network.setLink(of: Self.home, isUp: false)
            first.send(SIGKILL)
            #expect(try await first.exitStatus() == 128 + SIGKILL)
            let kept = progress(in: path).headCount
            try network.setLink(of: Self.home, isUp: true)
            let second = try startCoordinator(job, in: path, on: network)
            #expect(try await second.exitStatus() == 0, "\(second.standardError)")
            let results = try RunDirectory.readResults(in: path)
            #expect(results.digests == expected.digests)
            #expect(results.heads.resumed == kept)
            #expect(results.heads.trained == 57 - kept)
            for worker in workers {
                #expect(try await worker.exitStatus() == 0)
                #expect(worker.lines.count { $0.text.contains("joined run") } >= 2)
            }
        }
    }
}
