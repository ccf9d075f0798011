import Foundation
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// Workers that die, freeze and leave while heads are out: the same heads in the end.
    @Suite(.timeLimit(.minutes(5))) struct ChaosTests {
        /// A long run that has begun, with what is needed to follow it.
        private struct Begun {
            let folder: TemporaryDirectory
            let coordinator: RunningProcess
            let endpoint: String
            let expected: RunResults

            init(_ options: [String] = []) async throws {
                folder = try TemporaryDirectory()
                expected = try await LongRun.results
                let job = try Job.long()
                try await job.beginWithBackbone(in: folder.path("run"))
                coordinator = try job.start(in: folder.path("run"), options)
                endpoint = try await EndToEndTests.endpointOf(coordinator)
            }

            /// Waits until a worker holds the features and has trained heads for a while: it has
            /// leases then, since it has two as long as there are heads left.
            func isTraining(_ worker: RunningProcess, seconds: Double = 0.7) async throws {
                try await worker.line(containing: "holding 1,200 rows")
                try await hasComputed(worker.identifier, seconds: seconds)
                try #require(coordinator.isRunning)
            }

            /// The results, which must be those of the undisturbed run.
            func finish() async throws -> RunResults {
                let status = try await coordinator.exitStatus(within: .seconds(90))
                try #require(status == 0, "\(coordinator.standardError)")
                let results = try RunDirectory.readResults(in: folder.path("run"))
                #expect(results.digests == expected.digests)
                #expect(results.heads.trained == 57)
                return results
            }
        }

        @Test func aWorkerKilledHalfway() async throws {
            let run = try await Begun()
            let victim = try startWorker(run.endpoint, name: "victim")
            try await run.isTraining(victim)
            let heir = try startWorker(run.endpoint, name: "heir")
            try await heir.line(containing: "holding 1,200 rows")
            victim.send(SIGKILL)
            #expect(try await victim.exitStatus() == 128 + SIGKILL)
            try #require(run.coordinator.isRunning)
            let results = try await run.finish()
            // Said to be lost, not to have left; its leases went to the other.
            let lost = try await run.coordinator.line(containing: "worker victim")
            #expect(lost.contains("joined"))
            let isSaid = run.coordinator.lines.contains {
                $0.text.contains("warning: worker victim")
            }
            #expect(isSaid)
            #expect(results.workers.map(\.name) == ["victim", "heir"])
            #expect(results.workers.reduce(0) { $0 + $1.heads } == 57)
            #expect(results.workers[1].heads > 0)
            #expect(try await heir.exitStatus() == 0)
        }

        @Test func aLocalWorkerKilledIsStartedAgain() async throws {
            let run = try await Begun(["--workers", "1"])
            try await eventually("there is a local worker") {
                !children(of: run.coordinator).isEmpty
            }
            let victim = try #require(children(of: run.coordinator).first)
            try await run.coordinator.line { $0.text.hasPrefix("heads: ") }
            try await hasComputed(victim, seconds: 0.7)
            kill(victim, SIGKILL)
            try await run.coordinator.line(
                containing: "worker local-0 was killed by signal 9; starting it again")
            let results = try await run.finish()
            #expect(results.workers.map(\.name) == ["local-0", "local-0"])
            #expect(results.workers[1].heads > 0)
            #expect(children(of: run.coordinator).isEmpty)
        }

        @Test func aWorkerFrozenForAWhile() async throws {
            let run = try await Begun()
            let sleeper = try startWorker(run.endpoint, name: "sleeper")
            try await run.isTraining(sleeper)
            sleeper.send(SIGSTOP)
            // Three missed heartbeats; what it held is pending again.
            try await run.coordinator.line(containing: "worker sleeper fell silent")
            let other = try startWorker(run.endpoint, name: "other")
            try await other.line(containing: "holding 1,200 rows")
            try await hasComputed(other.identifier, seconds: 0.5)
            sleeper.send(SIGCONT)
            let results = try await run.finish()
            #expect(results.workers.map(\.name).prefix(2) == ["sleeper", "other"])
            for worker in [sleeper, other] { #expect(try await worker.exitStatus() == 0) }
        }

        @Test func aWorkerToldToLeaveFinishesWhatItTrains() async throws {
            let run = try await Begun()
            let leaver = try startWorker(run.endpoint, name: "leaver")
            try await run.isTraining(leaver)
            let stayer = try startWorker(run.endpoint, name: "stayer")
            try await stayer.line(containing: "holding 1,200 rows")
            leaver.send(SIGTERM)
            #expect(try await leaver.exitStatus(within: .seconds(120)) == 0)
            // On a fast machine what it trains may be the run's last.
            try await run.coordinator.line {
                $0.text.contains("worker leaver left") || $0.text.hasPrefix("heads: 57/57")
            }
            let results = try await run.finish()
            #expect(results.workers.map(\.name) == ["leaver", "stayer"])
            #expect(results.workers.allSatisfy { $0.heads > 0 })
            #expect(results.heads.rejected == 0)
            #expect(try await stayer.exitStatus() == 0)
        }

        @Test func aWorkerThatStaysServesTheNextRun() async throws {
            let folder = try TemporaryDirectory()
            let reference = try await Lab.reference
            var job = reference.job
            job.bind = try freeEndpoint()
            let worker = try startWorker(
                job.bind, name: "stayer", ["--threads", "1", "--stay"])
            let first = try await job.results(in: folder.path("first"), [])
            try await worker.line(containing: "waiting for the next")
            // Another job, so that nothing of the first may be left over.
            job.initialisation = "zero"
            let second = try await job.results(in: folder.path("second"), [])
            #expect(first.digests == reference.results.digests)
            #expect(second.digests.heads != first.digests.heads)
            let alone = try await job.results(in: folder.path("alone"), ["--workers", "1"])
            #expect(alone.digests == second.digests)
            #expect(worker.isRunning)
            worker.send(SIGTERM)
            #expect(try await worker.exitStatus() == 0)
        }
    }
}
