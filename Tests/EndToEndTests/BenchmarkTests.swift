import Formats
import Foundation
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// `coordinator benchmark` with processes of this machine, and with an ssh that stays on it.
    @Suite(.timeLimit(.minutes(5))) struct BenchmarkTests {
        /// What the tests read of speedup.json.
        private struct Speedup: Decodable {
            struct Row: Decodable {
                let workers: Int
                let seconds: Double
                let speedup: Double
                let efficiency: Double
                let idleShare: Double
                let otherWorkShare: Double?
                let digest: String

                private enum CodingKeys: String, CodingKey {
                    case workers, seconds, speedup, efficiency, digest
                    case idleShare = "idle_share"
                    case otherWorkShare = "other_work_share"
                }
            }

            let trials: [Row]
            let summary: [Row]
            let serialSeconds: Double?

            private enum CodingKeys: String, CodingKey {
                case trials, summary
                case serialSeconds = "serial_seconds"
            }
        }

        private let folder: TemporaryDirectory
        private let environment: [String: String]

        init() throws {
            folder = try TemporaryDirectory()
            let ssh = try folder.write(
                """
                #!/bin/sh
                while [ "$1" != "${1#-}" ]; do shift; done
                host=$1
                shift
                [ "$host" != unreachable ] || { echo "no route to $host" >&2; exit 255; }
                echo "$host" >>"$(dirname "$0")/hosts-called"
                exec sh -c "$*"
                """, to: "ssh", executable: true)
            environment = ["SSH": "\(ssh) -q"]
        }

        private func arguments(
            _ job: Job, _ workers: String, trials: Int = 1, in path: String, _ more: [String] = []
        ) -> [String] {
            let run = job.arguments(in: path)
            let bind = run.firstIndex(of: "--bind") ?? run.endIndex
            return ["benchmark", "--workers", workers, "--trials", "\(trials)"]
                + run[1..<bind] + run[(bind + 2)...] + more
        }

        private func speedup(in path: String) throws -> Speedup {
            try JSONFile.decode(Speedup.self, from: bytes(of: path + "/speedup.json"))
        }

        /// Processes with the text on their command line.
        private func processes(with text: String) -> [Int32] {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
            return names.compactMap { Int32($0) }.filter {
                let line = FileManager.default.contents(atPath: "/proc/\($0)/cmdline") ?? Data()
                return $0 != getpid() && String(decoding: line, as: UTF8.self).contains(text)
            }
        }

        @Test func measuresEveryTrialAndTheSameHeads() async throws {
            let path = folder.path("run")
            let reference = try await Lab.reference
            let outcome = try await run(
                Lab.coordinator, arguments(try Job(), "2,1", trials: 2, in: path),
                environment: ["COLUMNS": "72"])
            #expect(outcome.status == 0, "\(outcome.standardError)")
            #expect(outcome.standardOutput.contains("\(path)/speedup.json"))
            let lines = outcome.standardOutput.split(separator: "\n")
            #expect(lines.allSatisfy { $0.count <= 72 || $0.contains("/") }, "\(lines)")
            let found = try speedup(in: path)
            #expect(found.trials.map(\.workers) == [1, 2, 1, 2])
            #expect(found.summary.map(\.workers) == [1, 2])
            #expect(found.summary[0].speedup == 1)
            #expect(found.serialSeconds ?? 0 > 0)
            for row in found.trials + found.summary {
                #expect(row.digest == reference.results.digests.heads)
                #expect((0...1).contains(row.idleShare))
                #expect(row.seconds > 0)
                #expect((0...1).contains(row.otherWorkShare ?? -1))
                #expect(abs(row.efficiency * Double(row.workers) - row.speedup) < 1e-9)
            }
            let picture = String(decoding: try bytes(of: path + "/speedup.svg"), as: UTF8.self)
            #expect(picture.hasSuffix("</svg>\n"))
            let timeline = String(
                decoding: try bytes(of: path + "/timeline-2-workers-2.jsonl"), as: UTF8.self)
            #expect(timeline.split(separator: "\n").last?.contains("\"finished\"") == true)

            // Once more: the backbone is there, so the whole job's time is not known.
            let again = try await run(
                Lab.coordinator, arguments(try Job(), "1", in: path, ["--json"]))
            #expect(again.status == 0, "\(again.standardError)")
            #expect(again.standardOutput.contains("\"summary\""))
            #expect(try speedup(in: path).serialSeconds == nil)
            // It is no run's folder: results would look like those of a run.
            let before = try names(in: path)
            let other = try await run(Lab.coordinator, try Job().arguments(in: path))
            #expect(other.status == 64)
            #expect(other.standardError.contains("\(path) holds a benchmark, and a run needs"))
            #expect(try names(in: path) == before)

            // It is no run, whatever it has in common with one.
            let resumed = try await run(Lab.coordinator, ["resume", path])
            #expect(resumed.status == 64, "\(resumed.standardError)")
            #expect(resumed.standardError.contains("start coordinator benchmark again"))
        }

        @Test(arguments: [false, true])
        func startsWorkersBySshAndByCommand(isEncrypted: Bool) async throws {
            let path = folder.path("run")
            let keys = isEncrypted ? try await Keys(["mine"], listed: ["mine"]) : nil
            // By ssh a worker gets its key through the connection.
            let own = keys?.workerOptions("mine").joined(separator: " ") ?? "--threads 1"
            let reference = try await Lab.reference
            let hosts = try folder.write(
                """
                # two of them, and one too many
                me@node1 \(Lab.worker.path)   # by ssh
                sleep 0; \(Lab.worker.path) --connect {endpoint} --name "my {name}" \(own)
                unreachable
                """, to: "hosts")
            let outcome = try await run(
                Lab.coordinator,
                arguments(
                    try Job(), "1,2", in: path,
                    ["--hosts", hosts, "--bind", "tcp://0.0.0.0:0", "--advertise", "127.0.0.1"]
                        + (keys?.coordinatorOptions ?? ["--insecure"])), environment: environment)
            #expect(outcome.status == 0, "\(outcome.standardError)")
            #expect(outcome.standardError.contains("worker line-2 joined"))
            #expect(outcome.standardError.contains("worker my line-3 joined"))
            let found = try speedup(in: path)
            #expect(found.summary.map(\.workers) == [1, 2])
            #expect(found.trials.allSatisfy { $0.otherWorkShare == nil })
            #expect(Set(found.trials.map(\.digest)) == [reference.results.digests.heads])
            let called = String(decoding: try bytes(of: folder.path("hosts-called")), as: UTF8.self)
            #expect(called == "me@node1\nme@node1\n")
            try await eventually("no worker is left") { processes(with: "my line-3").isEmpty }
        }

        @Test func namesTheLineThatFails() async throws {
            for (line, reason) in [
                ("unreachable", "(unreachable), exited with status 255"),
                ("node1 /nowhere/worker", "(node1), exited with status 127"),
                ("true {endpoint}", "(true), exited with status 0"),
            ] {
                let hosts = try folder.write("\nnode2 \(Lab.worker.path)\n\(line)\n", to: "hosts")
                let outcome = try await run(
                    Lab.coordinator,
                    arguments(
                        try Job.long(), "2", in: folder.path("run"),
                        ["--hosts", hosts, "--advertise", "127.0.0.1"]), environment: environment)
                #expect(outcome.status == 69, "\(outcome.standardError)")
                let last = outcome.standardError.split(separator: "\n").last ?? ""
                #expect(
                    last.hasPrefix("coordinator: the worker of \(hosts), line 3 \(reason)"),
                    "\(last)")
            }
            #expect(!FileManager.default.fileExists(atPath: folder.path("run/speedup.json")))
        }

        // Said by a process that it leaves behind, and so after its own end.
        @Test func whatALostWorkerSaidIsAbove() async throws {
            let hosts = try folder.write(
                "setsid sh -c 'sleep 0.1; echo this was why >&2' {endpoint} & sleep 0.05; exit 3",
                to: "hosts")
            let outcome = try await run(
                Lab.coordinator,
                arguments(try Job.long(), "1", in: folder.path("run"), ["--hosts", hosts]))
            #expect(outcome.status == 69, "\(outcome.standardError)")
            let lines = outcome.standardError.split(separator: "\n")
            let last = try #require(lines.last)
            #expect(last.hasPrefix("coordinator: the worker of \(hosts), line 1 (setsid), exited"))
            #expect(lines.dropLast().contains("this was why"), "\(outcome.standardError)")
        }

        @Test(arguments: [SIGINT, SIGTERM]) func aSignalLeavesNoWorkerAnywhere(
            signal: Int32
        ) async throws {
            let mark = "mark-\(UUID().uuidString)"
            let hosts = try folder.write(
                """
                cd /; \(Lab.worker.path) --connect {endpoint} --name \(mark) --threads 1
                node1 \(Lab.worker.path)
                """, to: "hosts")
            let path = folder.path(mark)
            let process = try RunningProcess(
                Lab.coordinator,
                arguments(
                    try Job.long(), "2", in: path, ["--hosts", hosts, "--advertise", "127.0.0.1"]),
                environment: environment)
            try await process.line { $0.text.hasPrefix("heads: ") }
            let endpoint = try await process.line(containing: "worker \(mark) joined")
            #expect(!endpoint.isEmpty)
            let workers = processes(with: Lab.worker.path + "\0--connect")
            #expect(workers.count >= 2)
            process.send(signal, toGroup: true)
            #expect(try await process.exitStatus(within: .seconds(120)) == 128 + signal)
            #expect(process.lines.last?.text.hasPrefix("coordinator: interrupted; ") == true)
            try await eventually("no worker is left", within: .seconds(5)) {
                processes(with: mark).isEmpty
            }
        }

        @Test func aKilledBenchmarkLeavesNoWorkerAnywhere() async throws {
            let mark = "mark-\(UUID().uuidString)"
            let hosts = try folder.write(
                "\(Lab.worker.path) --connect {endpoint} --name \(mark); true", to: "hosts")
            let process = try RunningProcess(
                Lab.coordinator,
                arguments(try Job.long(), "1", in: folder.path("run"), ["--hosts", hosts]),
                environment: environment)
            try await process.line { $0.text.hasPrefix("heads: ") }
            #expect(!processes(with: mark).isEmpty)
            process.send(SIGKILL)
            _ = try await process.exitStatus(readingToEnd: false)
            // It finishes its bundle first, and waits a while for somebody to take the result.
            try await eventually("no worker is left", within: .seconds(120)) {
                processes(with: mark).isEmpty
            }
        }

        /// Its trial would measure one worker more than it says.
        @Test func refusesAStrangersHelp() async throws {
            var job = try Job.long()
            job.headEpochs = 500
            job.bind = try freeEndpoint()
            let stranger = try startWorker(job.bind, name: "stranger")
            let outcome = try await run(
                Lab.coordinator,
                arguments(job, "1", in: folder.path("run"), ["--bind", job.bind]))
            #expect(outcome.status == 69, "\(outcome.standardError)")
            #expect(outcome.standardError.contains("2 workers took part in a trial of 1"))
            #expect(try await stranger.exitStatus() == 0)
        }

        @Test(arguments: [
            (["--workers", "two"], "--workers must be different numbers", 64),
            (["--workers", "1,1"], "--workers must be different numbers", 64),
            (["--workers", "0"], "--workers must be different numbers", 64),
            (["--trials", "0"], "--trials must be 1 to 1,000", 64),
            (["--head-epochs", "converge"], "measures frozen heads trained by epochs", 64),
            (["--head-mode", "scratch"], "measures frozen heads trained by epochs", 64),
            (["--advertise", "me"], "give both", 64),
            (["--bind", "tcp://0.0.0.0:5555"], "--insecure", 64),
            (["--hosts", "/nowhere/hosts"], "cannot read /nowhere/hosts: No such file", 65),
        ])
        func refusesBadOptions(options: [String], expected: String, status: Int32) async throws {
            let path = folder.path("run")
            let outcome = try await run(
                Lab.coordinator, arguments(try Job(), "1,2", in: path, options))
            #expect(outcome.status == status)
            #expect(outcome.standardError.contains(expected), "\(outcome.standardError)")
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }
}
