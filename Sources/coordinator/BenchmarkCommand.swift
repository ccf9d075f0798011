import ArgumentParser
import Fleet
import Programs
import Sessions
import System

/// `coordinator benchmark`: speedup against worker count, measured with real processes.
struct BenchmarkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark",
        abstract: "Measures how the head phase speeds up with worker processes.",
        discussion: """
            Trains the backbone once, then repeats the head phase with each number of workers, \
            in fresh processes. Writes speedup.json, speedup.svg and a timeline of each trial to \
            the run directory and prints the table. Trials that train different heads are refused.

            Other work on the cores slows a trial down, so the trials with the least of it count. \
            Where those of one number of workers are more than a tenth apart, or the cores were \
            busy all the time, no speedup is concluded.

            Example: coordinator benchmark --workers 1,2,4 --trials 3 --every 10

            With --hosts FILE the workers run elsewhere, and N workers are those of the first N \
            lines. A line is a host as ssh knows it and, if you like, the path of the worker \
            program there, as for Scripts/start-workers; such a worker takes all cores of its \
            host. Or it is a command line with {endpoint} in it (and {name}, if you like) that \
            starts a worker and ends with it. What follows a # is a comment. SSH in the \
            environment is the command for ssh, with its options.

              alice@node1
              node2  ~/manyheads/.build/release/worker
              docker run --rm --network host manyheads worker --connect {endpoint} --name {name}

            With --key and --allow everything is encrypted. Workers by ssh get keys of their own \
            through the connection; a command line names the files of its own (--key, --server-key).

            Example: coordinator benchmark --workers 1,2 --hosts hosts.txt \
            --bind tcp://0.0.0.0:5555 --key keys/server.key_secret --allow keys
            """)

    @OptionGroup var data: DataOptions
    @OptionGroup var training: TrainingOptions
    @OptionGroup var output: OutputOptions

    @Option(help: "Numbers of workers; on this machine each has one compute thread.")
    var workers = "1,2"

    @Option(help: "Head phases with each number.")
    var trials = 3

    @Option(help: "File with a line for each worker that is started elsewhere.")
    var hosts: String?

    @Option(
        help: "Control endpoint; features are broadcast on the next port. Port 0 picks free ones.")
    var bind = "tcp://127.0.0.1:0"

    @OptionGroup var access: AccessOptions

    @Option(
        help: "This machine as the hosts reach it (default: the host of --bind, or its address).")
    var advertise: String?

    @Option(help: "Seconds to wait at most for workers of a trial (default: for ever).")
    var wait: WaitLimit?

    @Option(help: "Threads for the backbone (default: all cores).")
    var threads: Int?

    func run() async throws {
        var options = RunOptions(
            threads: threads ?? Processor.availableCoreCount)
        try data.apply(to: &options)
        training.apply(to: &options)
        output.apply(to: &options)
        access.apply(to: &options)
        options.bind = bind
        options.waitLimit = wait
        try await reporting { () throws(RunError) in
            try options.check()
            let plan = try BenchmarkPlan(
                workerCounts: numbers(in: workers), trialCount: trials,
                hosts: try hosts.map { (path) throws(RunError) in try HostsFile(path: path) },
                advertisedHost: advertise, options: options)
            try await BenchmarkProgram(options, plan).run()
        }
    }
}
