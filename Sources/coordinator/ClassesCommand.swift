import ArgumentParser
import Display
import Programs
import System

/// `coordinator classes`: adds or drops classes of a finished run.
struct ClassesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "classes",
        abstract: "Adds or drops classes: a new run whose other heads are the same bits.",
        discussion: """
            Only heads with a class whose rows are others are trained; all others are taken over from \
            the former run, which stays as it is. The penalty and the normalisation are the former \
            run's. A class that the former run left out (--classes) comes back with its former rows \
            and the new ones. heads.csv in the new folder has each head's digest before and after. Options \
            behind -- are those of run.

            Example, rows of a new class:
              coordinator classes runs/RUN --add new.npy --add-labels new-labels.npy \
                --run-dir runs/NEW

            Example, without a class, with workers of other hosts:
              coordinator classes runs/RUN --drop cat --run-dir runs/NEW -- \
                --bind tcp://0.0.0.0:5555 --key keys/server.key_secret --allow keys
            """)

    @Argument(help: ArgumentHelp("Folder of a finished run on features.", valueName: "run"))
    var folder: String

    @Option(help: "Files of rows to add, of new classes or of known ones, as of --train.")
    var add: String?

    @Option(help: "Their labels, where they are not beside the rows.")
    var addLabels: String?

    @Option(help: "bf16: what has two bytes and no type in an .npy file is bfloat16.")
    var dtype: TwoByteType?

    @Option(help: "Names of classes to drop, with commas between them.")
    var drop: String?

    @Option(help: "Folder of the new run's files.")
    var runDir: String

    @Option(
        help: """
            Worker processes to start on this machine (default: one for each core, unless --workers, \
            --bind or --min-workers is behind --).
            """)
    var workers: Int?

    @Argument(
        parsing: .postTerminator,
        help: ArgumentHelp("Options of run, behind --.", valueName: "options"))
    var options: [String] = []

    func validate() throws {
        guard (add == nil) != (drop == nil) else {
            throw ValidationError("which classes? Give --add FILE or --drop NAME, one of them")
        }
        if addLabels != nil, add == nil {
            throw ValidationError("--add-labels are of the rows of --add, which was not given")
        }
    }

    func run() async throws {
        let change: ClassChange.Change =
            add.map { .add(files: $0, labels: addLabels) } ?? .drop(drop ?? "")
        var found: ClassChange?
        try await reporting { () throws(RunError) in
            found = try ClassChange(
                folder, change, runDirectory: runDir,
                more: [
                    workers.map { "--workers=\($0)" }, dtype.map { "--dtype=\($0.rawValue)" },
                ].compactMap(\.self) + options)
        }
        guard let found, let run = try Coordinator.parseAsRoot(found.words) as? RunCommand else {
            throw ValidationError("these are no options of run: \(options.joined(separator: " "))")
        }
        if let note = found.note { StandardStream.error("coordinator: \(note)\n") }
        try await run.run()
    }
}
