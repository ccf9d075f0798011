import Foundation
import Glibc
import TestSupport
import Testing

/// `Scripts/start-workers` with an ssh and a worker of our own that stay on this machine.
@Suite(.timeLimit(.minutes(4))) struct StartWorkersTests {
    private let script = packageRoot.appending(path: "Scripts/start-workers")
    private let folder: TemporaryDirectory
    private let worker: String
    private let environment: [String: String]

    init() throws {
        folder = try TemporaryDirectory()
        // Drops its options as ssh does, cannot reach one host, and runs the rest here.
        let ssh = try folder.write(
            """
            #!/bin/sh
            while [ "$1" != "${1#-}" ]; do shift; done
            host=$1
            shift
            [ "$host" != unreachable ] || { echo "no route to $host" >&2; exit 255; }
            exec sh -c "$*"
            """, to: "ssh", executable: true)
        worker = try folder.write(
            """
            #!/bin/sh
            for argument in "$@"; do echo "argument <$argument>"; done
            case "$*" in
            *--keys-from-stdin*)
                read -r one; read -r two
                printf '%s\\n' "keys <$one> <$two>"
                ;;
            *--then-fail*) echo "bad luck" >&2; exit 3 ;;
            *--until-told*)
                trap 'kill "$waiting"; echo drained; exit 0' TERM
                tail -f /dev/null & waiting=$!
                echo "waits"
                wait ;;
            esac
            """, to: "a worker's program", executable: true)
        environment = ["SSH": "\(ssh) -q"]
    }

    private func hosts(_ lines: String...) throws -> String {
        try folder.write(lines.joined(separator: "\n"), to: "hosts")
    }

    @Test func runsAWorkerOnEachHostAndNamesTheirLines() async throws {
        let file = try hosts("# ours", "", "  node1 \(worker)", "me@node2   \(worker)  # a comment")
        let outcome = try await run(
            script, [file, "--connect", "tcp://c:1", "--name", "it's $HOME \"*\""],
            environment: environment)
        #expect(outcome.status == 0, "\(outcome.standardError)")
        for host in ["node1", "me@node2"] {
            let said = outcome.standardOutput.split(separator: "\n").filter {
                $0.hasPrefix("[\(host)] ")
            }
            #expect(
                said.map { $0.dropFirst(host.count + 3) } == [
                    "argument <--connect>", "argument <tcp://c:1>", "argument <--name>",
                    "argument <it's $HOME \"*\">",
                ])
        }
    }

    /// As the coordinator reads the same file, whatever editor wrote it.
    @Test(arguments: ["\n", "\r\n", "\r"]) func linesMayEndInAnyWay(end: String) async throws {
        let lines = ["\u{FEFF}node1 \(worker)", "# nobody", "node2 # two", ""]
        let file = try folder.write(lines.joined(separator: end), to: "hosts")
        let outcome = try await run(script, [file, "--dry-run"], environment: environment)
        #expect(outcome.status == 0, "\(outcome.standardError)")
        let commands = outcome.standardOutput.split(separator: "\n")
        #expect(commands.count == 2)
        for (command, host) in zip(commands, ["'node1'", "'node2'"]) {
            #expect(command.contains(" \(host) "), "\(command)")
            #expect(!command.contains("\\r"), "\(command)")
        }
    }

    @Test func tellsEachHostItsKeyAndNobodyElse() async throws {
        let secrets = ["node1": "first%s secret\\n", "node2": "second'\"$HOME`"]
        for (name, secret) in secrets {
            try folder.write(
                "# \(name)\ncurve\n    public-key = \"p\"\n    secret-key = \"\(secret)\"\n",
                to: name + ".key_secret")
        }
        try folder.write("curve\n    public-key = \"the server's\"\n", to: "server.key")
        let file = try hosts("me@node1 \(worker)", "ssh://you@node2:22 \(worker)")
        let outcome = try await run(
            script, [file, "--connect", "tcp://c:1", "--keys", folder.path],
            environment: environment)
        #expect(outcome.status == 0, "\(outcome.standardError)")
        let said = Set(outcome.standardOutput.split(separator: "\n").map(String.init))
        #expect(said.contains("[me@node1] keys <first%s secret\\n> <the server's>"))
        #expect(said.contains("[ssh://you@node2:22] keys <second'\"$HOME`> <the server's>"))
        #expect(!said.contains { $0.contains("argument <") && $0.contains("secret\\n") })
        let dry = try await run(
            script, ["--dry-run", file, "--keys=" + folder.path], environment: environment)
        #expect(dry.standardOutput.contains("--keys-from-stdin"))
        for secret in secrets.values { #expect(!dry.standardOutput.contains(secret)) }
        let missing = try await run(
            script, [try hosts("node3 \(worker)"), "--keys", folder.path],
            environment: environment)
        #expect(missing.status == 65)
        #expect(missing.standardError.contains("node3.key_secret holds no secret key"))
    }

    @Test func namesTheHostsThatFailed() async throws {
        let file = try hosts("unreachable", "good \(worker)", "missing /nowhere/worker")
        let outcome = try await run(script, [file], environment: environment)
        #expect(outcome.status == 69)
        #expect(outcome.standardOutput.contains("[unreachable] no route to unreachable"))
        #expect(outcome.standardOutput.contains("[good] argument <--connect>"))
        #expect(
            outcome.standardError.contains("Failed: unreachable (status 255) missing (status 127)"))
        let bad = try await run(
            script, [try hosts("good \(worker)"), "--then-fail"], environment: environment)
        #expect(bad.status == 69)
        #expect(bad.standardError.contains("Failed: good (status 3)"))
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func aSignalDrainsTheWorkers(_ signal: Int32) async throws {
        let file = try hosts("one \(worker)", "two \(worker)")
        let process = try RunningProcess(script, [file, "--until-told"], environment: environment)
        try await process.line(containing: "[one] waits")
        try await process.line(containing: "[two] waits")
        process.send(signal, toGroup: signal == SIGINT)
        #expect(try await process.exitStatus() == 128 + signal)
        #expect(process.standardOutput.contains("[one] drained"))
        #expect(process.standardOutput.contains("[two] drained"))
        #expect(!process.standardError.contains("Failed"))
    }

    @Test func workersEndWhenTheScriptIsKilled() async throws {
        let file = try hosts("one \(worker)")
        let process = try RunningProcess(script, [file, "--until-told"], environment: environment)
        try await process.line(containing: "[one] waits")
        process.send(SIGKILL)
        try await process.line(containing: "[one] drained")
    }

    @Test func aDryRunPrintsCommandsThatCanBePasted() async throws {
        let file = try hosts("one \(worker)", "two  \(worker)")
        let outcome = try await run(
            script, ["--dry-run", file, "--connect=tcp://c:1"], environment: environment)
        #expect(outcome.status == 0)
        let first = try #require(outcome.standardOutput.split(separator: "' 'two'").first)
        #expect(first.contains("'-q' 'one'"))
        // With an open standard input: its end would end the workers.
        let pasted = try RunningProcess(
            URL(filePath: "/bin/bash"), ["-c", outcome.standardOutput], environment: environment)
        #expect(try await pasted.exitStatus() == 0)
        let each = ["argument <--connect>", "argument <tcp://c:1>"]
        #expect(pasted.lines.map(\.text) == each + each)
    }

    @Test func refusesWhatItCannotUse() async throws {
        #expect(try await run(script).status == 64)
        #expect(try await run(script, [try hosts("one"), "--connect"]).status == 64)
        #expect(try await run(script, [folder.path("none")]).status == 65)
        #expect(try await run(script, [try hosts("# nobody", "")]).status == 65)
        #expect(try await run(script, [try hosts("-oProxyCommand=x")]).status == 65)
    }

    @Test(arguments: ["run", "test", "start-workers", "compare-peers", "check-serving"])
    func everyScriptHasHelpWithAnExample(_ name: String) async throws {
        let help = try await run(packageRoot.appending(path: "Scripts/\(name)"), ["--help"])
        #expect(help.status == 0)
        #expect(help.standardOutput.contains("Example"))
        #expect(help.standardOutput.contains("Scripts/\(name)"))
    }
}
