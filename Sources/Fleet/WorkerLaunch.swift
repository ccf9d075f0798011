package import CoordinatorNetwork
import Formats
import Foundation
package import System
import ZeroMQ

/// How one worker is started: a process of this machine, which may start it on another.
///
/// Whatever it is, it ends when its standard input does, so that no worker outlives the coordinator.
package struct WorkerLaunch: Sendable {
    /// What the coordinator's tables call the worker.
    package let name: String
    /// What messages call it.
    let title: String
    let executable: URL
    let arguments: [String]
    /// What its standard input begins with: a key, where it needs one.
    var input = ""
    /// How long it may take to end once its standard input has ended.
    let graceSeconds: Double
}

extension WorkerLaunch {
    /// `count` workers on this machine with so many compute threads each, for the coordinator that
    /// listens at `endpoint`.
    ///
    /// - Throws: `unavailable` if the worker program is not beside this one.
    package static func local(
        count: Int, threadCount: Int = 1, endpoint: String, admission: Admission? = nil
    ) throws(RunError) -> [WorkerLaunch] {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let executable = own.deletingLastPathComponent().appendingPathComponent("worker")
        guard count == 0 || FileManager.default.isExecutableFile(atPath: executable.path) else {
            throw RunError(
                .unavailable,
                "there is no worker program at \(executable.path); build it: swift build -c release"
            )
        }
        let reached = TCPEndpoint(endpoint)?.fromHere.description ?? endpoint
        return try (0..<count).map { (index) throws(RunError) in
            WorkerLaunch(
                name: localName(index), title: "worker \(localName(index))", executable: executable,
                arguments: [
                    "--connect", reached, "--threads", "\(threadCount)", "--name",
                    localName(index),
                    "--end-with-stdin", "--log-level", "warning",
                ] + keyArguments(admission),
                input: try credentials(localName(index), admission), graceSeconds: 2)
        }
    }

    /// Tells a worker that its standard input begins with its key.
    private static func keyArguments(_ admission: Admission?) -> [String] {
        admission == nil ? [] : ["--keys-from-stdin"]
    }

    private static func credentials(
        _ name: String, _ admission: Admission?
    ) throws(RunError) -> String {
        guard let admission else { return "" }
        do throws(ZeroMQError) {
            return try admission.credentials(ofGuest: name)
        } catch {
            throw RunError(error)
        }
    }

    /// What a worker on this machine is called.
    package static func localName(_ index: Int) -> String { "local-\(index)" }

    /// The worker of a line of a hosts file.
    ///
    /// By ssh it gets a key of its own, through the connection; a command line names its key's files
    /// itself.
    ///
    /// - Parameter ssh: the command for ssh, with its options.
    package init(
        _ entry: HostsFile.Entry, of file: HostsFile, endpoint: String, ssh: [String],
        admission: Admission? = nil
    ) throws(RunError) {
        let name = "line-\(entry.lineNumber)"
        let host: String
        switch entry.start {
        case .ssh(let destination, let program):
            host = destination
            let words =
                [
                    "worker", program, "--connect", endpoint, "--name", name, "--log-level",
                    "warning",
                ] + Self.keyArguments(admission)
            input = try Self.credentials(name, admission)
            executable = URL(fileURLWithPath: "/usr/bin/env")
            arguments =
                ssh + [
                    destination,
                    "sh -c "
                        + ([Self.remoteScript(readsKeys: admission != nil)] + words)
                        .map(\.shellQuoted).joined(separator: " "),
                ]
        case .command(let line):
            host = String(line.prefix { !$0.isWhitespace })
            let command = line.replacing("{endpoint}", with: endpoint)
                .replacing("{name}", with: name)
            executable = URL(fileURLWithPath: "/bin/sh")
            arguments = ["-c", Self.commandScript, "worker", command]
        }
        self.name = name
        title = "the worker of \(file.path), line \(entry.lineNumber) (\(host)),"
        graceSeconds = 5
    }

    /// The command for ssh: that of the environment's `SSH`, or one that never asks for a password.
    package static func sshCommand(_ environment: [String: String]) -> [String] {
        let own = (environment["SSH"] ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
        return own.isEmpty
            ? [
                "ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-o",
                "ServerAliveInterval=15",
            ] : own
    }

    /// What runs on another host, the worker and its options as arguments: as in
    /// Scripts/start-workers, the end of the connection ends the worker.
    ///
    /// - Parameter readsKeys: the connection begins with two lines of keys, which are handed on by a
    ///   command of the shell itself: no other process's arguments show them.
    private static func remoteScript(readsKeys: Bool) -> String {
        let start =
            readsKeys
            ? """
            IFS= read -r secret <&3 && IFS= read -r server <&3 || exit 65
            printf '%s\\n%s\\n' "$secret" "$server" | "$worker" "$@" 3<&- &
            """
            : """
            "$worker" "$@" 3<&- </dev/null &
            """
        return """
            worker=$1
            shift
            case $worker in "~/"*) worker=$HOME/${worker#"~/"} ;; esac
            exec 3<&0
            \(start)
            worker=$!
            (while read -r _ <&3; do :; done; kill -TERM "$worker") >/dev/null 2>&1 &
            watcher=$!
            exec 3<&-
            wait "$worker"
            status=$?
            kill "$watcher" 2>/dev/null
            exit "$status"
            """
    }

    /// What runs a command line on this machine: the end of standard input, or of the command, ends
    /// the whole group of processes, since a shell does not hand signals on to what it started.
    ///
    /// The first shell ignores the signal. A trap would interrupt its `wait`, and dash can then wait
    /// for ever for a child that is gone already.
    private static let commandScript = """
        trap '' TERM
        exec 3<&0
        (trap - TERM; exec sh -c "$1" 3<&- </dev/null) &
        command=$!
        (while read -r _ <&3; do :; done; kill -TERM 0) >/dev/null 2>&1 &
        watcher=$!
        exec 3<&-
        wait "$command"
        status=$?
        kill -KILL "$watcher" 2>/dev/null
        kill -TERM 0
        exit "$status"
        """
}
