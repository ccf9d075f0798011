import Foundation
import Journal
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// What cannot run says so in one sentence, with the contract's exit status.
    @Suite(.timeLimit(.minutes(4))) struct BadInputTests {
        /// Runs a program that must refuse, and returns its first line of error.
        private func refusal(
            _ program: URL, _ arguments: [String], status: Int32,
            environment: [String: String] = [:], sourceLocation: SourceLocation = #_sourceLocation
        ) async throws -> String {
            let run = try await run(program, arguments, environment: environment)
            #expect(run.status == status, "\(run.standardError)", sourceLocation: sourceLocation)
            #expect(run.standardOutput == "", sourceLocation: sourceLocation)
            for trace in ["Fatal error", "Stack dump", "RunError(", "DatasetError("] {
                #expect(!run.standardError.contains(trace), sourceLocation: sourceLocation)
            }
            let lines = run.standardError.split(separator: "\n").map(String.init)
            return lines.last { $0.hasPrefix("coordinator: ") || $0.hasPrefix("worker: ") }
                ?? lines.first ?? ""
        }

        /// Wrong options are told of as everything else is: by the program's name and a sentence.
        @Test func everyErrorBeginsWithTheProgram() async throws {
            for (program, arguments, environment) in [
                (Lab.coordinator, ["run", "--evry", "10"], [:]),
                (Lab.coordinator, ["run", "--every", "0"], [:]),
                (Lab.coordinator, ["simulate"], [:]), (Lab.worker, [], [:]),
                (Lab.worker, ["--connect", "tcp://127.0.0.1:1", "--threads", "0"], [:]),
                (Lab.bench, ["heads", "--rows", "x"], [:]),
                (Lab.bench, ["heads", "--rows", "100"], ["MANYHEADS_ISA": "none"]),
                (Lab.bench, ["converge", "--rows", "100"], ["MANYHEADS_ISA": "none"]),
            ] as [(URL, [String], [String: String])] {
                let run = try await run(program, arguments, environment: environment)
                #expect(run.status == 64, "\(arguments)")
                #expect(
                    run.standardError.hasPrefix(program.lastPathComponent + ": "),
                    "\(run.standardError)")
            }
        }

        @Test(arguments: [
            (["--no-such-option"], "Unknown option '--no-such-option'"),
            (["--dataset", "letters"], "'letters' is invalid for '--dataset"),
            (["--heads", "triples"], "'triples' is invalid"),
            (["--head-init", "ones"], "'ones' is invalid"),
            (["--head-mode", "thawed"], "'thawed' is invalid"),
            (["--head-mode", "warm", "--head-epochs", "converge"], "is for frozen heads"),
            (["--head-mode", "scratch", "--head-dropout", "0.5"], "--head-dropout is of frozen"),
            (["--head-epochs", "soon"], "'soon' is invalid"),
            (["--head-epochs", "converge", "--head-dropout", "0.5"], "trains without dropout"),
            (["--head-epochs", "converge", "--l2", "0"], "--l2 must be above 0"),
            (["--head-epochs", "converge", "--l2", "inf"], "--l2 must be above 0"),
            (["--head-epochs", "converge", "--l2", "1e300"], "at most 1e6"),
            (["--head-mode", "warm", "--head-init", "zero"], "--head-init is of frozen"),
            (["--head-epochs", "converge", "--head-init", "zero"], "--head-init is of heads"),
            (["--precision", "fp16"], "'fp16' is invalid"),
            (["--precision", "fp32-library"], "'fp32-library' is invalid"),
            (["--l2", "0.1"], "--l2 is the penalty of --head-epochs converge"),
            (["--every", "0"], "--every"), (["--every", "many"], "'many' is invalid"),
            (["--fraction", "0"], "--fraction"), (["--fraction", "nan"], "--fraction"),
            (["--epochs", "0"], "--epochs"), (["--head-epochs", "-1"], "head-epochs"),
            (["--batch-size", "0"], "--batch-size"),
            (["--learning-rate", "inf"], "--learning-rate"),
            (["--head-dropout", "1"], "--head-dropout"),
            (["--workers", "-1"], "workers"), (["--min-workers", "0"], "--min-workers"),
            (["--min-workers", "99999999"], "1 to 100,000, not 99999999"),
            (["--learning-rate", "nan"], "--learning-rate must be a number above 0"),
            (["--threads", "0"], "--threads"), (["--seed=-1"], "'-1'"),
            (["--bind", "5555"], "--bind must look like"),
            (["--bind", "tcp://0.0.0.0:5555"], "--insecure"),
            (["--bind", "tcp://300.1.1.1:5555"], "300.1.1.1 is no address"),
            (["--bind", "tcp://[::zz]:5555"], "::zz is no IPv6 address"),
            (["--wait", "0"], "'0' is invalid"), (["--wait", "soon"], "'soon' is invalid"),
            (["--classes", "0-99"], "no class 10"), (["--classes", "0"], "class"),
            (["--classes", "1,1"], "1"), (["--log-level", "loud"], "'loud' is invalid"),
        ])
        func optionsThatCannotRun(options: [String], expected: String) async throws {
            let folder = try TemporaryDirectory()
            // The option under test comes last, and counts.
            let path = folder.path("run")
            let message = try await refusal(
                Lab.coordinator,
                ["--dataset", "mnist", "--data-dir", try Lab.data.get(), "--run-dir", path]
                    + options, status: 64)
            #expect(message.contains(expected), "\(message)")
            #expect(!FileManager.default.fileExists(atPath: path))
        }

        @Test(arguments: [
            ([], "--connect"), (["--connect", "here"], "tcp://HOST:5555"),
            (["--connect", "tcp://127.0.0.1:5555", "--threads", "0"], "--threads"),
            (["--connect", "tcp://127.0.0.1:99999"], "99999"),
            (["--connect", "tcp://:5555"], "tcp://:5555"),
            (["--connect", "tcp://0.0.0.0:5555"], "tcp://HOST:5555"),
            (["--connect", "tcp://300.1.1.1:5"], "four numbers, each from 0 to 255"),
            (["--connect", "tcp://127.0.0.1:5555", "--wait", "-1"], "--wait"),
        ])
        func workersOptions(options: [String], expected: String) async throws {
            let message = try await refusal(Lab.worker, options, status: 64)
            #expect(message.contains(expected), "\(message)")
        }

        @Test func anInstructionSetThatIsNone() async throws {
            let message = try await refusal(
                Lab.worker, ["--connect", "tcp://127.0.0.1:5555"], status: 64,
                environment: ["MANYHEADS_ISA": "avx1024"])
            #expect(message.contains("avx1024"))
            #expect(message.contains("scalar"))
        }

        @Test func dataThatIsMissing() async throws {
            let folder = try TemporaryDirectory()
            var job = try Job()
            job.dataDirectory = folder.path
            let message = try await refusal(
                Lab.coordinator, job.arguments(in: folder.path("run")), status: 65)
            #expect(message.contains("train-images-idx3-ubyte"))
            #expect(message.contains(folder.path))
            for way in ["Scripts/fetch-data", "by hand", "MANYHEADS_DATA"] {
                #expect(message.contains(way), "\(message)")
            }
        }

        @Test func dataThatIsCorrupt() async throws {
            let folder = try TemporaryDirectory()
            let data = folder.path("data")
            try SyntheticData().write(to: data)
            let file = data + "/train-images-idx3-ubyte"
            try Data(try bytes(of: file).dropLast(7)).write(to: URL(filePath: file))
            var job = try Job()
            job.dataDirectory = data
            let message = try await refusal(
                Lab.coordinator, job.arguments(in: folder.path("run")), status: 65)
            #expect(message.contains(file))
            #expect(message.contains("ends at byte"))
        }

        @Test func aPortThatIsTaken() async throws {
            let folder = try TemporaryDirectory()
            let first = try Job().start(in: folder.path("first"))
            var job = try Job()
            job.bind = try await endpoint(of: first)
            let message = try await refusal(
                Lab.coordinator, job.arguments(in: folder.path("second")), status: 69)
            #expect(message.contains("already in use"))
            #expect(message.contains(job.bind))
            #expect(message.contains("--bind"))
        }

        @Test func aRunDirectoryThatCannotBeWritten() async throws {
            let folder = try TemporaryDirectory()
            // Below a file there is no folder, for the superuser neither.
            let path = try folder.write("", to: "file") + "/run"
            let message = try await refusal(
                Lab.coordinator, try Job().arguments(in: path), status: 73)
            #expect(message.contains(path))
        }

        @Test func aRunDirectoryOfAnotherConfiguration() async throws {
            let reference = try await Lab.reference
            var job = reference.job
            job.headEpochs += 1
            let message = try await refusal(
                Lab.coordinator, job.arguments(in: reference.path), status: 64)
            #expect(message.contains("head_epochs is 10 there and 11 here"))
            #expect(message.contains("--run-dir"))
        }

        @Test func aRunDirectoryInUse() async throws {
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            let first = try Job().start(in: path)
            _ = try await endpoint(of: first)
            let message = try await refusal(
                Lab.coordinator, try Job().arguments(in: path), status: 69)
            #expect(message.contains("in use by another coordinator"))
            #expect(message.contains("\(first.identifier)"))
        }

        @Test func aRunDirectoryWhoseJournalIsDamaged() async throws {
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            let job = try Job()
            try await job.beginWithBackbone(in: path)
            let file = RunDirectory.path(of: .journal, in: path)
            let damaged = Array(try bytes(of: file).dropLast(40_000))
            try Data(damaged).write(to: URL(filePath: file))
            let message = try await refusal(
                Lab.coordinator, job.arguments(in: path), status: 65)
            #expect(message.contains(file))
            #expect(message.contains("damaged"))
            #expect(try bytes(of: file) == damaged)
        }

        @Test func aRunDirectoryOfOtherData() async throws {
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            var job = try Job()
            try await job.beginWithBackbone(in: path)
            do {
                let journal = try RunJournal(path: RunDirectory.path(of: .journal, in: path))
                _ = try journal.settle(dataDigest: "00ff")
            }
            job.dataDirectory = try Lab.data.get()
            let message = try await refusal(
                Lab.coordinator, job.arguments(in: path), status: 64)
            #expect(message.contains("other data"))
        }

        /// Keys were once written into a folder of another name.
        @Test(arguments: [
            ["coordinator", "keygen", "DIR"],
            ["coordinator", "run", "--bind", "tcp://127.0.0.1:0", "--run-dir", "DIR"],
            ["coordinator", "simulate", "--workers", "1", "--output", "DIR"],
            ["worker", "--connect", "tcp://127.0.0.1:1", "--name", "DIR"],
            ["bench", "heads", "DIR"],
        ])
        func argumentsThatAreNotUTF8(command: [String]) async throws {
            let folder = try TemporaryDirectory()
            let program = productsDirectory.appending(path: command[0])
            // Swift's strings cannot hold such a name: the shell makes it.
            let words = command.dropFirst().map { $0 == "DIR" ? "\"$(printf 'k\\351y')\"" : $0 }
            let script = (["exec", program.path] + words).joined(separator: " ")
            let outcome = try await run(
                URL(filePath: "/bin/sh"), ["-c", script], directory: folder.url)
            #expect(outcome.status == 64, "\(outcome.standardError)")
            #expect(outcome.standardOutput == "")
            let lines = outcome.standardError.split(separator: "\n")
            #expect(lines.count == 1)
            #expect(
                outcome.standardError.hasPrefix(
                    "\(command[0]): argument \(command.count - 1), 'k\\xe9y', is not UTF-8; "),
                "\(outcome.standardError)")
            #expect(try names(in: folder.path) == [])
        }

        /// A simulation of nothing that is there has a folder of its own, as every run has.
        @Test func nothingIsWrittenWhereOneStands() async throws {
            let folder = try TemporaryDirectory()
            let outcome = try await run(
                Lab.coordinator, ["simulate", "--workers", "1", "--rows", "100", "--classes", "3"],
                directory: folder.url)
            #expect(outcome.status == 0, "\(outcome.standardError)")
            #expect(try names(in: folder.path) == ["runs"])
            let own = try #require(try names(in: folder.path("runs")).first)
            #expect(own.hasSuffix("-simulate"))
            #expect(outcome.standardOutput.contains("written: runs/\(own)/simulate.json"))
            let files = try names(in: folder.path("runs/" + own))
            #expect(files == ["simulate.json", "simulate.svg"])
        }

        @Test(arguments: ["", "{\"config\":", "not JSON", "[]"])
        func resultsThatAreBroken(text: String) async throws {
            let folder = try TemporaryDirectory()
            try folder.write(text, to: "results.json")
            for command in [["evaluate"], ["simulate", "--workers", "1", "--from"]] {
                let message = try await refusal(
                    Lab.coordinator, command + [folder.path], status: 65)
                #expect(message.contains("results.json"))
                #expect(!message.contains("DecodingError"), "\(message)")
            }
        }

        @Test func aMistypedCommandNamesTheNearest() async throws {
            let message = try await refusal(
                Lab.coordinator, ["rnu", "--workers", "2"], status: 64)
            #expect(
                message.hasPrefix(
                    "coordinator: there is no command 'rnu' (did you mean run?); the commands are run, "
                ), "\(message)")
            #expect(message.hasSuffix("; see coordinator --help"))
            let bench = try await run(Lab.bench, ["haeds"])
            #expect(bench.status == 64)
            #expect(
                bench.standardError.hasPrefix(
                    "bench: there is no command 'haeds' (did you mean heads?); the commands are heads, "
                ), "\(bench.standardError)")
            #expect(!bench.standardError.contains("plain-receiver"))
        }

        // It is a run all the same.
        @Test func withoutACommandItSaysWhatItDoes() async throws {
            let folder = try TemporaryDirectory()
            let process = try RunningProcess(
                Lab.coordinator, Array(try Job().arguments(in: folder.path("run")).dropFirst()))
            let address = try await endpoint(of: process)
            try await process.line(
                containing: "start one with: worker --connect \(address)")
            let text = process.standardError
            #expect(text.hasPrefix("no command was given, so this is coordinator run: "), "\(text)")
            #expect(text.contains("coordinator --help"))
            #expect(text.contains("files in \(folder.path("run"))"))
        }

        @Test(arguments: [["--help"], ["run", "--help"]]) func helpHasAnExample(
            arguments: [String]
        ) async throws {
            let help = try await run(Lab.coordinator, arguments)
            #expect(help.status == 0)
            #expect(help.standardOutput.contains("xample"))
        }

        @Test func theWorkersHelpHasAnExample() async throws {
            let help = try await run(Lab.worker, ["--help"])
            #expect(help.status == 0)
            #expect(help.standardOutput.contains("Example"))
            #expect(!help.standardOutput.contains("end-with-stdin"))
        }
    }
}
