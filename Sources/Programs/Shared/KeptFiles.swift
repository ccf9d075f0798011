import Display
import Formats
import Journal
import Numerics
import RunFolder
import Synchronization
import System

/// What is kept if the run ends now, in words.
final class KeptFiles: Sendable {
    private let describe = Mutex<(@Sendable () -> String?)?>(nil)

    /// Takes the description from the run directory.
    ///
    /// - Parameter command: what goes on from there; nil is `coordinator resume`.
    func open(_ directory: RunDirectory, command: String? = nil) {
        let command = command ?? "coordinator resume \(directory.path.shellQuoted)"
        open { directory.kept(goingOnBy: command) }
    }

    /// Sets the description of what is kept: a clause, or nil for nothing.
    func open(_ describe: @escaping @Sendable () -> String?) {
        self.describe.withLock { $0 = describe }
    }

    /// A clause for the last sentence, true once nothing is written any more.
    var summary: String { clause ?? "nothing is kept yet" }

    private var clause: String? { describe.withLock { $0 }?() }

    /// The error of a file that cannot be written, with what is kept all the same.
    func completed(_ error: FormatError) -> FormatError {
        guard error.code == .cannotWrite, !error.message.contains(" is kept: "), let clause else {
            return error
        }
        return FormatError(.cannotWrite, "\(error.message); \(clause)")
    }
}

extension RunDirectory {
    /// What a run has so far, and how it goes on; nil before anything.
    fileprivate func kept(goingOnBy command: String) -> String? {
        guard let journal, let progress = try? journal.progress() else { return nil }
        let goesOn = "\(command) goes on from there"
        if progress.epochCount == 0 {
            // Features of files, which no backbone is trained for.
            return progress.headCount > 0
                ? "\(Format.count(progress.headCount, "head")) kept: \(goesOn)" : nil
        }
        let wanted = (try? journal.config())?["epochs"]
        let isTrained = wanted == .integer(Int64(progress.epochCount))
        let backbone =
            isTrained
            ? "the trained backbone" : "the backbone after \(progress.epochCount.counted("epoch"))"
        let what =
            progress.headCount > 0
            ? "\(backbone) and \(progress.headCount.counted("head")) are kept"
            : "\(backbone) is kept"
        return "\(what): \(goesOn)"
    }

    /// The journal of a run that is not finished.
    ///
    /// - Throws: `RunError` for a finished one, which has no journal.
    var openJournal: RunJournal {
        get throws(RunError) {
            guard let journal else {
                throw .usage("\(path) holds a finished run; choose another --run-dir")
            }
            return journal
        }
    }
}
