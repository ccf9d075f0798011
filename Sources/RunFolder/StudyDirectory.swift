package import Formats
import Glibc
package import Journal

/// The folder of a study or a probe, locked for one coordinator; what was computed is in `study.sqlite` or
/// `probe.sqlite`.
///
/// Unlike a run a study never is finished: more trials, fractions, data sets and arms may be asked for
/// later, and only what is new is computed. What its numbers depend on must stay the same.
package final class StudyDirectory: Sendable {
    /// The folder, as it was given.
    package let path: String
    /// What was computed.
    package let journal: StudyJournal
    private let lock: Int32

    private static let commandKey = "commands"

    /// Whether a folder holds a study or a probe, and which; nil for neither.
    package static func kind(ofFolder path: String) -> FolderKind? {
        [FolderKind.study, .probe].first { exists(in: path, of: $0) }
    }

    /// Whether a folder holds a study, or a probe.
    package static func exists(in path: String, of kind: FolderKind = .study) -> Bool {
        FileSystem.exists(path + "/" + kind.outcomeFile)
    }

    /// Makes or opens the folder, locks it, and compares what the numbers depend on.
    ///
    /// - Parameter config: all that every trial depends on, data digests among them. A key that is new
    ///   is added; one that is there must be equal.
    /// - Parameter kind: a study or a probe.
    /// - Throws: `FormatError` when the folder cannot be made or written, or holds a damaged file;
    ///   ``RunFolderError`` when it is in use, or holds a study of another configuration (every
    ///   difference is named) or a run.
    package init(
        path: String, kind: FolderKind = .study, config: [String: JSONValue]
    ) throws {
        try kind.refuseOthers(in: path)
        try FileSystem.makeFolder(path)
        let lock = try RunDirectory.lock(path)
        do {
            journal = try Self.open(path, kind, config)
        } catch {
            Glibc.close(lock)
            throw error
        }
        self.path = path
        self.lock = lock
    }

    deinit {
        // While the lock is still held.
        journal.close()
        Glibc.close(lock)
    }

    private static func open(
        _ path: String, _ kind: FolderKind, _ config: [String: JSONValue]
    ) throws -> StudyJournal {
        RunDirectory.removeDrafts(path)
        if !exists(in: path, of: kind) {
            for artefact in RunDirectory.Artefact.allCases
            where FileSystem.exists(RunDirectory.path(of: artefact, in: path)) {
                throw RunFolderError.foreignFile(path, artefact.rawValue)
            }
        }
        let journal = try StudyJournal(path: path + "/" + kind.outcomeFile)
        let found = try journal.value([String: JSONValue].self, of: "config") ?? [:]
        let differences = RunDirectory.differences(
            from: found.filter { config[$0.key] != nil },
            to: config.filter { found[$0.key] != nil }, incidental: [])
        guard differences.isEmpty else {
            throw RunFolderError.otherConfiguration(path, differences: differences)
        }
        try journal.set(found.merging(config) { known, _ in known }, of: "config")
        return journal
    }

    /// Keeps a command line that computed something; one that is known already, once.
    ///
    /// - Throws: `FormatError` of code `cannotWrite`.
    package func note(command: String) throws(FormatError) {
        let known = try commands()
        if !known.contains(command) { try journal.set(known + [command], of: Self.commandKey) }
    }

    /// The command lines that computed what is kept, in turn.
    package func commands() throws(FormatError) -> [String] {
        try journal.value([String].self, of: Self.commandKey) ?? []
    }

    /// The command lines that computed what a folder keeps, without locking it.
    ///
    /// - Throws: `FormatError` for a file that cannot be read.
    package static func commands(in path: String) throws(FormatError) -> [String] {
        let file = (kind(ofFolder: path) ?? .study).outcomeFile
        let journal = try StudyJournal(path: path + "/" + file)
        defer { journal.close() }
        return try journal.value([String].self, of: commandKey) ?? []
    }

    /// Writes a file of the study, whole or not at all.
    package func write(_ bytes: [UInt8], named name: String) throws(FormatError) {
        try AtomicFile.write(bytes, to: path + "/" + name)
    }
}
