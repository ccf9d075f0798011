import ArgumentParser
import Display
import Programs
import Sessions
import System

/// Who may join, and whether everything is encrypted.
struct AccessOptions: ParsableArguments {
    @Option(help: "File of the coordinator's secret key: encrypts everything (see keygen).")
    var key: String?

    @Option(
        help: """
            The workers that may join: a file with a public key a line, or a folder of public key \
            files. Read again at SIGHUP.
            """)
    var allow: String?

    @Flag(help: "Let --bind listen beyond this machine although nothing is encrypted.")
    var insecure = false

    func apply(to options: inout RunOptions) {
        options.insecure = insecure
        options.keyPath = key
        options.allowPath = allow
    }
}

/// What standard output and standard error get.
struct PrintOptions: ParsableArguments {
    @Flag(help: "Print results.json on standard output in place of the table.")
    var json = false

    @Flag(help: "No progress on standard error, only warnings.")
    var quiet = false

    @Option(help: "How much to log on standard error.")
    var logLevel = LogLevel.info

    func apply(to options: inout RunOptions) {
        options.printsJSON = json
        options.isQuiet = quiet
        options.logLevel = logLevel
    }
}

/// The numbers of a comma-separated list; 0 for what is not a number, which no check lets pass.
func numbers(in text: String) -> [Int] {
    text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
}

/// Runs a command's work; an error becomes one sentence and its exit status.
func reporting(_ work: () async throws(RunError) -> Void) async throws {
    do throws(RunError) {
        try await work()
    } catch {
        StandardStream.error(
            LogTime.stamped("coordinator: \(Format.printable(error.message))") + "\n")
        throw ExitCode(error.code.exitStatus)
    }
}
