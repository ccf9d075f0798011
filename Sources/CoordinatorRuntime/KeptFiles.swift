import RunStore
import Synchronization

/// What would be left if the run ended now, in words.
final class KeptFiles: Sendable {
    private let directory = Mutex<RunDirectory?>(nil)

    /// Names the run directory, which may hold something from an earlier start.
    func open(_ directory: RunDirectory) {
        self.directory.withLock { $0 = directory }
    }

    /// A clause for the last sentence, true once nobody writes any more.
    var summary: String {
        guard let directory = directory.withLock({ $0 }), let journal = directory.journal,
            let progress = try? journal.progress(), progress.epochCount > 0
        else {
            return "nothing was far enough to be kept"
        }
        let wanted = (try? journal.config())?["epochs"]
        let isTrained = wanted == .integer(Int64(progress.epochCount))
        let backbone =
            isTrained
            ? "the trained backbone" : "the backbone after \(progress.epochCount) epochs"
        let what =
            progress.headCount > 0
            ? "\(backbone) and \(progress.headCount) heads are kept" : "\(backbone) is kept"
        return "\(what): the same command with --run-dir \(directory.path) goes on from there"
    }
}

extension RunDirectory {
    /// The journal of a run that is not finished.
    ///
    /// - Throws: `RunError` for a finished one that has none any more.
    var openJournal: Journal {
        get throws(RunError) {
            guard let journal else {
                throw .usage("\(path) holds a finished run; choose another --run-dir")
            }
            return journal
        }
    }
}
