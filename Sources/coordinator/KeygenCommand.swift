import ArgumentParser
import Programs
import System

/// `coordinator keygen`: key pairs for an encrypted run.
struct KeygenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen",
        abstract: "Makes the keys of an encrypted run: the server's, and its workers'.",
        discussion: """
            DIR gets server.key and server.key_secret, and for each worker NAME.key and \
            NAME.key_secret, readable by their owner only. The public .key files may go anywhere; \
            of the secret ones each belongs on one host. Nothing is ever overwritten: run again \
            with other names it adds workers. If a worker's secret key is lost, remove its \
            .key file and send the coordinator SIGHUP.

            The files are certificates as CZMQ and pyzmq read and write them.

            Example, two hosts with a key each:
              coordinator keygen keys --name node1 --name node2
              coordinator run --bind tcp://0.0.0.0:5555 --key keys/server.key_secret --allow keys
              worker --connect tcp://THIS-HOST:5555 --key node1.key_secret --server-key server.key
            """)

    @Argument(help: "Folder of the keys, made if it is missing.")
    var dir: String

    @Option(help: "Make keys for so many workers, named worker-1, worker-2 and so on.")
    var workers: Int?

    @Option(help: "Make a key for a worker of this name; may be given several times.")
    var name: [String] = []

    func run() async throws {
        try await reporting { () throws(RunError) in
            try KeyGeneration(folder: dir, workerCount: workers, names: name).run()
        }
    }
}
