import Foundation
import Glibc
import Journal
import TestSupport
import Testing

extension EndToEndTests {
    /// Programs in surroundings that give them too little: a sentence, and no trap nor wait.
    @Suite(.timeLimit(.minutes(5))) struct LimitTests {
        /// Runs a program behind a command line of the shell that sets a limit.
        private func limited(
            by line: String, _ program: URL, _ arguments: [String]
        ) async throws -> (status: Int32, standardOutput: String, standardError: String) {
            // Without the files of other tests that it inherits from this process.
            let closing = """
                for f in /proc/$$/fd/*; do
                    n=${f##*/}
                    if ((n > 2 && n < 255)); then eval "exec $n>&-"; fi
                done

                """
            return try await TestSupport.run(
                URL(filePath: "/bin/bash"),
                ["-c", "\(closing)\(line) \"$@\"", program.path, program.path] + arguments,
                environment: ["SWIFT_BACKTRACE": "enable=no"], within: .seconds(120))
        }

        private func expectRefusal(
            _ run: (status: Int32, standardOutput: String, standardError: String), _ program: URL,
            naming limit: String, sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            let text = run.standardError
            #expect(run.status == 69, "\(text)", sourceLocation: sourceLocation)
            #expect(run.standardOutput == "", sourceLocation: sourceLocation)
            let last = try #require(
                text.split(separator: "\n").last, sourceLocation: sourceLocation)
            #expect(
                last.hasPrefix("\(program.lastPathComponent): "), "\(text)",
                sourceLocation: sourceLocation)
            #expect(last.contains(limit), "\(text)", sourceLocation: sourceLocation)
            #expect(!last.contains("Error Domain"), "\(text)", sourceLocation: sourceLocation)
        }

        @Test(arguments: [8, 24, 64, 100]) func tooFewOpenFiles(limit: Int) async throws {
            let folder = try TemporaryDirectory()
            let run = try await limited(
                by: "ulimit -n \(limit); exec", Lab.coordinator,
                try Job().arguments(in: folder.path("run")) + ["--workers", "2"])
            try expectRefusal(run, Lab.coordinator, naming: "ulimit -n")
        }

        @Test func fewOpenFilesAreEnoughWithoutWorkersOfItsOwn() async throws {
            let folder = try TemporaryDirectory()
            let endpoint = try freeEndpoint()
            var job = try Job()
            job.headEpochs = 2
            job.bind = endpoint
            let worker = try startWorker(endpoint, name: "near")
            let run = try await limited(
                by: "ulimit -n 100; exec", Lab.coordinator, job.arguments(in: folder.path("run")))
            #expect(run.status == 0, "\(run.standardError)")
            #expect(try await worker.exitStatus() == 0)
        }

        @Test(arguments: [200_000, 600_000, 800_000])
        func tooLittleMemory(limit: Int) async throws {
            let folder = try TemporaryDirectory()
            let run = try await limited(
                by: "ulimit -v \(limit); exec", Lab.coordinator,
                try Job().arguments(in: folder.path("run")) + ["--workers", "2"])
            try expectRefusal(run, Lab.coordinator, naming: "ulimit -v is \(limit)")
        }

        /// Whether an ordinary user can be made, who reaches the programs.
        private static let canBeNobody: Bool = {
            let tools = ["/usr/bin/setpriv", "/usr/bin/prlimit"]
            guard geteuid() == 0, tools.allSatisfy(FileManager.default.isExecutableFile) else {
                return false
            }
            var path = Lab.coordinator.resolvingSymlinksInPath()
            while path.path != "/" {
                var status = stat()
                guard unsafe stat(path.path, &status) == 0, status.st_mode & S_IXOTH != 0 else {
                    return false
                }
                path.deleteLastPathComponent()
            }
            return true
        }()

        // The limit holds for ordinary users.
        @Test(
            .enabled(if: Self.canBeNobody, "needs the superuser, setpriv and prlimit"),
            arguments: [2, 8, 16])
        func tooFewThreads(limit: Int) async throws {
            let folder = try TemporaryDirectory()
            // Nobody else has this number, so nothing else counts.
            let run = try await limited(
                by:
                    "exec setpriv --reuid=61234 --regid=61234 --clear-groups prlimit --nproc=\(limit)",
                Lab.coordinator,
                try Job().arguments(in: folder.path("run")) + ["--workers", "2"])
            try expectRefusal(run, Lab.coordinator, naming: "ulimit -u is \(limit)")
        }

        @Test func allCoresAreThoseItMayRunOn() async throws {
            let endpoint = try freeEndpoint()
            let folder = try TemporaryDirectory()
            var job = try Job()
            job.epochs = 10_000
            job.bind = endpoint
            let coordinator = try job.start(in: folder.path("run"))
            let worker = try RunningProcess(
                URL(filePath: "/usr/bin/taskset"),
                [
                    "-c", try Self.firstCore(), Lab.worker.path, "--connect", endpoint, "--name",
                    "bound",
                ])
            try await coordinator.line { line in
                line.text.contains("worker bound joined") && line.text.contains("threads: 1")
            }
            worker.send(SIGTERM)
            #expect(try await worker.exitStatus() == 0)
            coordinator.send(SIGTERM)
            try await coordinator.exitStatus()
        }

        // Half of the cores after a night's pause, say: the digests are then others.
        @Test func anotherNumberOfThreadsIsSaid() async throws {
            let folder = try TemporaryDirectory()
            var job = try Job()
            job.epochs = 10_000
            let path = folder.path("run")
            let first = try job.start(in: path)
            try await eventually("an epoch is kept") { progress(in: path).epochCount > 0 }
            first.send(SIGTERM)
            try await first.exitStatus()
            let second = try job.start(in: path, ["--threads", "2"])
            try await second.line(
                containing: "warning: the run began with --threads 1 and goes on with 2")
            second.send(SIGTERM)
            try await second.exitStatus()
        }

        /// The number of a core that the tests may run on.
        private static func firstCore() throws -> String {
            let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
            let line = try #require(
                status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") })
            return String(try #require(line.firstMatch(of: /[0-9]+/)).output)
        }
    }
}
