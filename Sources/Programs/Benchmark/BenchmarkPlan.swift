import CoordinatorNetwork
package import Fleet
import Foundation
import Numerics
package import System

/// What `coordinator benchmark` measures: how often, with how many workers, started how.
package struct BenchmarkPlan: Sendable {
    /// Different numbers of workers, ascending.
    let workerCounts: [Int]
    /// Head phases with each number.
    let trialCount: Int
    /// Who the workers are; nil for processes of this machine.
    let hosts: HostsFile?
    /// This machine as the hosts reach it; nil for the host of `--bind`, or this machine's address.
    let advertisedHost: String?
    /// The command for ssh, with its options.
    private let ssh: [String]

    /// A plan that can be carried out with these options.
    ///
    /// - Throws: `usage` unless there are different counts from 1 to 1,024 that the hosts suffice for,
    ///   at least one trial, and an address that those hosts can reach.
    package init(
        workerCounts: [Int], trialCount: Int, hosts: HostsFile? = nil,
        advertisedHost: String? = nil, options: RunOptions
    ) throws(RunError) {
        guard let most = workerCounts.max(), workerCounts.allSatisfy({ (1...1_024).contains($0) }),
            Set(workerCounts).count == workerCounts.count
        else {
            throw .usage("--workers must be different numbers from 1 to 1,024, as in 1,2,4")
        }
        guard (1...1_000).contains(trialCount) else {
            throw .usage("--trials must be 1 to 1,000, not \(trialCount)")
        }
        guard case .count = options.headEpochs, options.headMode == .frozen else {
            throw .usage(
                "the benchmark measures frozen heads trained by epochs; leave --head-mode and --head-epochs converge to coordinator run"
            )
        }
        self.workerCounts = workerCounts.sorted()
        self.trialCount = trialCount
        self.hosts = hosts
        self.advertisedHost = advertisedHost
        ssh = WorkerLaunch.sshCommand(ProcessInfo.processInfo.environment)
        try check(most: most, options)
    }

    private func check(most: Int, _ options: RunOptions) throws(RunError) {
        if let advertisedHost {
            guard advertisedHost.wholeMatch(of: /[A-Za-z0-9._\-]+|\[[0-9A-Fa-f:.]+\]/) != nil else {
                throw .usage(
                    "--advertise must be a host's name or address, not '\(advertisedHost)'")
            }
            guard hosts != nil else {
                throw .usage("--advertise says where --hosts find this machine; give both")
            }
        }
        guard let hosts else { return }
        guard hosts.entries.count >= most else {
            throw .usage(
                "--workers asks for \(most.counted("worker")); \(hosts.path) names \(hosts.entries.count)"
            )
        }
        // A command line, or a given address, may use its own tunnel.
        let isRemote = hosts.entries.prefix(most).contains { entry in
            if case .ssh = entry.start { true } else { false }
        }
        if isRemote && options.isLoopback && advertisedHost == nil {
            throw .usage(
                "--bind \(options.bind) cannot be reached from other hosts; use --bind tcp://0.0.0.0:5555 with --key and --allow, or with --insecure if the network is yours alone"
            )
        }
    }

    /// What to start for `count` workers once the coordinator listens at `endpoint`.
    ///
    /// - Parameter admission: where all is encrypted, workers on this machine and by ssh get keys of
    ///   their own; command lines must name the files of theirs.
    func launches(
        count: Int, endpoint: String, admission: Admission? = nil
    ) throws(RunError) -> [WorkerLaunch] {
        guard let hosts else {
            return try WorkerLaunch.local(count: count, endpoint: endpoint, admission: admission)
        }
        let reached = reached(endpoint)
        return try hosts.entries.prefix(count).map { (entry) throws(RunError) in
            try WorkerLaunch(entry, of: hosts, endpoint: reached, ssh: ssh, admission: admission)
        }
    }

    /// The endpoint as the workers connect to it.
    func reached(_ endpoint: String) -> String {
        guard let bound = TCPEndpoint(endpoint) else { return endpoint }
        return advertisedHost.map { "tcp://\($0):\(bound.port)" } ?? bound.fromElsewhere.description
    }
}
