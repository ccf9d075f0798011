import ArgumentParser
import Foundation
import HeadTraining
import Logging
import ProbeWork
import Sessions
import System
import WorkerRuntime

/// `worker`: joins a coordinator, holds its features, trains the heads it is given.
@main
struct Worker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Trains heads for a coordinator until its run is complete.",
        discussion: """
            It waits for a coordinator that is not up yet and survives its restart. SIGTERM, SIGINT, \
            SIGHUP and what batch systems send (SIGUSR1, SIGUSR2, SIGXCPU) let it finish what it \
            trains and leave; a second one stops it at once.

            Example: worker --connect tcp://192.0.2.7:5555 --threads 8

            Encrypted, with keys of coordinator keygen: worker --connect tcp://192.0.2.7:5555 \
            --key worker.key_secret --server-key server.key
            """,
        version: Release.description)

    /// Errors in options begin as all other errors do.
    static let _errorPrefix = "worker: "

    @Option(
        help: "The coordinator's control endpoint, tcp://HOST:PORT; an IPv6 address in brackets.")
    var connect: String

    @Option(help: "Compute threads (default: all cores).")
    var threads: Int?

    @Option(help: "What the coordinator's tables call this worker (default: host and process).")
    var name: String?

    @Option(help: "File of this worker's secret key, which the coordinator must allow.")
    var key: String?

    @Option(help: "File of the coordinator's public key.")
    var serverKey: String?

    @Option(
        help: "Seconds to wait at most for a coordinator that does not answer (default: for ever).")
    var wait: WaitLimit?

    @Flag(help: "Stay for the next run when this one is complete.")
    var stay = false

    @Flag(help: .hidden)
    var endWithStdin = false

    @Flag(help: .hidden)
    var keysFromStdin = false

    @Option(help: "How much to log on standard error.")
    var logLevel = LogLevel.info

    @Flag(help: "Log errors only.")
    var quiet = false

    static func main() async {
        ProgramStart.prepare("worker")
        await main(nil)
    }

    func validate() throws {
        do throws(RunError) {
            let endpoint = try endpoint
            guard endpoint.port > 0, !endpoint.isWildcard else {
                throw .usage("--connect must look like \(Self.example), not '\(connect)'")
            }
        } catch {
            throw ValidationError(error.message)
        }
        if let threads, !(1...1_024).contains(threads) {
            throw ValidationError("--threads must be 1 to 1,024, not \(threads)")
        }
        if (key == nil) != (serverKey == nil) {
            throw ValidationError(
                "--key and --server-key go together: the worker's secret key and the coordinator's public one"
            )
        }
        if key != nil && keysFromStdin {
            throw ValidationError("--key and --keys-from-stdin are two sources of one key")
        }
    }

    private static let example = "tcp://HOST:5555"

    private var endpoint: TCPEndpoint {
        get throws(RunError) {
            try TCPEndpoint(connect, option: "--connect", example: Self.example)
        }
    }

    func run() async throws {
        let level = Logger.Level(rawValue: (quiet ? LogLevel.error : logLevel).rawValue) ?? .info
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
        let environment = ProcessInfo.processInfo.environment
        do {
            let variant = try KernelVariant.select(environment["MANYHEADS_ISA"])
            let configuration = WorkerConfiguration(
                endpoint: try endpoint,
                threadCount: threads ?? Processor.availableCoreCount,
                name: name ?? "\(ProcessInfo.processInfo.hostName)-\(getpid())",
                stays: stay, endsWithStandardInput: endWithStdin,
                variant: variant, keys: try readKeys(), waitLimit: wait,
                taskPreparation: { materials in
                    guard ProbeMaterials.areHere(materials) else {
                        return try StudyRunner(materials, variant: variant)
                    }
                    return try ProbeTasks(materials, variant: variant)
                })
            switch try await WorkerProgram(configuration).run() {
            case .done, .orphaned: break
            case .stopped(let signal): throw ExitCode(128 + signal)
            case .refused(let reason): try fail(reason, status: 69)
            }
        } catch let error as HeadTrainingError {
            try fail(error.message, status: 64)
        } catch let error as WorkerError {
            try fail(error.message, status: error.exitStatus)
        }
    }

    /// Nil where nothing is encrypted.
    private func readKeys() throws(WorkerError) -> WorkerKeys? {
        if keysFromStdin { return try WorkerKeys.fromStandardInput() }
        guard let key, let serverKey else { return nil }
        return try WorkerKeys(keyPath: key, serverKeyPath: serverKey)
    }

    private func fail(_ message: String, status: Int32) throws {
        // A standard error that cannot be written must not hide the exit status.
        try? FileHandle.standardError.write(contentsOf: Data("worker: \(message)\n".utf8))
        throw ExitCode(status)
    }
}

extension LogLevel: ExpressibleByArgument {}
extension WaitLimit: ExpressibleByArgument {}
