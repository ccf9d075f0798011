import Fleet
import Programs
import System
import Testing

@Suite struct HostsFileTests {
    @Test func readsHostsAndCommandsInOrder() throws {
        let file = try HostsFile(
            path: "hosts",
            text: """
                # ours

                  alice@node1   # the fast one
                node2  ~/a worker's/program
                ssh://node3:2222 /opt/worker
                docker run image worker --connect {endpoint} --name {name}
                """)
        #expect(file.entries.map(\.lineNumber) == [3, 4, 5, 6])
        #expect(
            file.entries.map(\.start) == [
                .ssh(destination: "alice@node1", program: "worker"),
                .ssh(destination: "node2", program: "~/a worker's/program"),
                .ssh(destination: "ssh://node3:2222", program: "/opt/worker"),
                .command("docker run image worker --connect {endpoint} --name {name}"),
            ])
    }

    /// Of editors on any system; the numbers are those that such an editor shows.
    @Test(arguments: ["\n", "\r\n", "\r"]) func linesMayEndInAnyWay(end: String) throws {
        let lines = ["\u{FEFF}# ours", "node1 ~/a worker", "", "run {endpoint} # two", "node3", ""]
        let file = try HostsFile(path: "hosts", text: lines.joined(separator: end))
        #expect(file.entries.map(\.lineNumber) == [2, 4, 5])
        #expect(
            file.entries.map(\.start) == [
                .ssh(destination: "node1", program: "~/a worker"), .command("run {endpoint}"),
                .ssh(destination: "node3", program: "worker"),
            ])
    }

    @Test(arguments: [
        ("-oProxyCommand=x", "-oProxyCommand=x is no host"),
        ("tcp://node1:5555", "a worker listens nowhere"),
        ("worker --connect tcp://me:5555", "needs {endpoint}"),
        ("run-a-worker {name}", "needs {endpoint}"),
    ])
    func refusesABadLineByItsNumber(line: String, complaint: String) throws {
        let error = try #require(throws: RunError.self) {
            try HostsFile(path: "my hosts", text: "node1\n\n\(line)\nnode2")
        }
        #expect(error.code == .data)
        #expect(error.message.hasPrefix("my hosts, line 3: "), "\(error.message)")
        #expect(error.message.contains(complaint), "\(error.message)")
    }

    @Test(arguments: ["", "\n", "# nobody\n   # here"]) func refusesAFileOfNobody(
        text: String
    ) throws {
        let error = try #require(throws: RunError.self) { try HostsFile(path: "h", text: text) }
        #expect(error.code == .data)
        #expect(error.message.contains("names no worker"))
    }

    @Test(arguments: ["/nowhere/hosts", "/", "/proc/self/exe"]) func refusesWhatIsNoTextFile(
        path: String
    ) throws {
        let error = try #require(throws: RunError.self) { try HostsFile(path: path) }
        #expect(error.code == .data)
        #expect(error.message.contains(path))
    }
}

@Suite struct BenchmarkPlanTests {
    private func refusal(
        _ counts: [Int] = [1, 2], trials: Int = 3, hosts: String? = nil, advertise: String? = nil,
        bind: String = "tcp://127.0.0.1:0"
    ) throws -> String? {
        var options = RunOptions(threads: 1)
        options.bind = bind
        do {
            _ = try BenchmarkPlan(
                workerCounts: counts, trialCount: trials,
                hosts: try hosts.map { try HostsFile(path: "hosts", text: $0) },
                advertisedHost: advertise, options: options)
            return nil
        } catch let error as RunError {
            #expect(error.code == .usage)
            return error.message
        }
    }

    @Test func takesWhatCanBeDone() throws {
        #expect(try refusal() == nil)
        #expect(try refusal([4, 1, 2], trials: 1) == nil)
        #expect(try refusal(hosts: "a\nb\nc", bind: "tcp://0.0.0.0:5555") == nil)
        // Whoever writes command lines, or an address, may have a tunnel.
        #expect(try refusal(hosts: "run {endpoint}\nrun {endpoint}\nnode3") == nil)
        #expect(try refusal(hosts: "a\nb", advertise: "localhost") == nil)
    }

    @Test func refusesWhatCannot() throws {
        for counts in [[], [0], [1, 1], [1_025]] {
            #expect(try refusal(counts)?.hasPrefix("--workers must be") == true)
        }
        #expect(try refusal(trials: 0)?.hasPrefix("--trials must be") == true)
        #expect(
            try refusal([1, 4], hosts: "a\nb", bind: "tcp://0.0.0.0:5555")
                == "--workers asks for 4 workers; hosts names 2")
        #expect(try refusal(hosts: "a\nb")?.contains("cannot be reached from other hosts") == true)
        #expect(try refusal(advertise: "me")?.contains("give both") == true)
        #expect(
            try refusal(hosts: "a\nb", advertise: "tcp://me")?.hasPrefix("--advertise must") == true
        )
    }
}
