package import Formats

/// Whose files a folder holds: each program needs a folder of its own.
package enum FolderKind: String, Sendable {
    case run
    case benchmark
    case study
    case probe

    /// The file that holds what a study or a probe has computed.
    var outcomeFile: String { self == .probe ? "probe.sqlite" : "study.sqlite" }

    /// The key of config.json that says which program began the folder; without it a run.
    package static let configKey = "program"

    /// What a benchmark's config.json says beside the options.
    package static let benchmarkConfig: [String: JSONValue] = [
        configKey: .string(benchmark.rawValue)
    ]

    /// Whose files are in a folder; nil if nobody's are.
    package init?(ofFolder path: String) {
        func has(_ name: String) -> Bool { FileSystem.exists(path + "/" + name) }
        // A benchmark's is told by its results too: earlier versions do not note the program.
        let program = (try? RunDirectory.readConfig(in: path))?[Self.configKey]
        if program == .string(Self.benchmark.rawValue) || has("speedup.json") {
            self = .benchmark
        } else if RunDirectory.Artefact.begun.contains(where: { has($0.rawValue) }) {
            self = .run
        } else if let kind = StudyDirectory.kind(ofFolder: path) {
            self = kind
        } else {
            return nil
        }
    }

    /// Refuses a folder of another program's files.
    ///
    /// - Throws: ``RunFolderError`` of code `otherConfiguration`.
    package func refuseOthers(in path: String) throws(RunFolderError) {
        guard let found = FolderKind(ofFolder: path), found != self else { return }
        throw .otherKind(path, found: found.rawValue, wanted: rawValue)
    }
}

extension RunDirectory.Artefact {
    /// The files of a run that has begun; a study has some of the others too.
    fileprivate static let begun: [Self] = [.config, .journal]
}
