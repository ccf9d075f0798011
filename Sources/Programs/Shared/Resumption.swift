import Formats
import RunFolder
package import System

/// How `coordinator resume` goes on with what is in a folder.
package struct Resumption: Sendable {
    /// The command line that goes on, without its program: a subcommand and its options.
    package let words: [String]

    /// The command that a run or a study was begun with, as its folder tells it.
    ///
    /// - Parameters:
    ///   - folder: a run's or a study's.
    ///   - more: options that take the place of those of the same name.
    /// - Throws: `usage` for a benchmark, whose trials are measured together, and `data` for a folder
    ///   that tells no command.
    package init(folder: String, more: [String]) throws(RunError) {
        let command = try Self.command(in: folder)
        words = command + more + ["--run-dir=\(folder)"]
    }

    private static func command(in folder: String) throws(RunError) -> [String] {
        guard FileSystem.exists(folder) else {
            throw RunError(.data, "\(folder) does not exist; give the folder of a run or a study")
        }
        do {
            if StudyDirectory.exists(in: folder) {
                guard let last = try StudyDirectory.commands(in: folder).last else {
                    throw RunError(
                        .data,
                        "the study in \(folder) has computed nothing yet; begin it with coordinator reproduce"
                    )
                }
                return withoutFolder(Self.words(of: last).drop { $0 != "reproduce" })
            }
            guard let config = try RunDirectory.keptConfig(in: folder) else {
                throw RunError(
                    .data,
                    "\(folder) holds neither a run nor a study; give the folder that --run-dir named"
                )
            }
            guard config["command"] == nil else {
                throw RunError.usage(
                    "\(folder) is of a benchmark, whose trials are measured together: start coordinator benchmark again with the same options; its backbone is kept"
                )
            }
            return ["run"] + options(of: config)
        } catch {
            throw CoordinatorProgram.runError(error)
        }
    }

    /// A command without its --run-dir, which may have been another place by another name.
    private static func withoutFolder(_ words: ArraySlice<String>) -> [String] {
        var kept: [String] = []
        var isFolder = false
        for word in words {
            if !isFolder && word != "--run-dir" && !word.hasPrefix("--run-dir=") {
                kept.append(word)
            }
            isFolder = word == "--run-dir"
        }
        return kept
    }

    /// The options that give a configuration: its keys are their names.
    static func options(of config: [String: JSONValue]) -> [String] {
        config.sorted { $0.key < $1.key }.flatMap { key, value -> [String] in
            let name = "--" + key.replacing("_", with: "-")
            return switch value {
            case .null, .bool(false), RunOptions.crossValidated: []
            case .bool(true): [name]
            default: ["\(name)=\(value)"]
            }
        }
    }

    /// The words of a command line as a shell reads it, of quotes only single ones and backslashes.
    static func words(of line: String) -> [String] {
        var words: [String] = []
        var word: String?
        var isQuoted = false
        var isEscaped = false
        for character in line {
            if isEscaped || isQuoted && character != "'" {
                word = (word ?? "") + String(character)
                isEscaped = false
            } else if character == "'" {
                word = word ?? ""
                isQuoted.toggle()
            } else if character == "\\" {
                isEscaped = true
            } else if character == " " {
                words += [word].compactMap(\.self)
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        return words + [word].compactMap(\.self)
    }
}
