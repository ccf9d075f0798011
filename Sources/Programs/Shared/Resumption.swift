import Formats
import Glibc
import RunFolder
package import System

/// How `coordinator resume` goes on with what is in a folder.
package struct Resumption: Sendable {
    /// The command line that goes on, without its program: a subcommand and its options.
    package let words: [String]
    /// The variables that a study was computed with.
    package let variables: [(name: String, value: String)]

    /// The command that a run or a study was begun with, as its folder tells it.
    ///
    /// - Parameters:
    ///   - folder: a run's or a study's.
    ///   - more: options that take the place of those of the same name.
    /// - Throws: `usage` for a benchmark, whose trials are measured together, and `data` for a folder
    ///   that tells no command.
    package init(folder: String, more: [String]) throws(RunError) {
        let command = try Self.command(in: folder)
        let start = command.firstIndex { Self.variable($0) == nil } ?? command.endIndex
        variables = command[..<start].compactMap(Self.variable)
        words = command[start...] + more + ["--run-dir=\(folder)"]
    }

    /// Sets the variables, those that are set already excepted; before anything asks for them.
    package func setVariables() {
        for (name, value) in variables { unsafe setenv(name, value, 0) }
    }

    /// The name and the value of a word that sets a variable for a command.
    private static func variable(_ word: String) -> (name: String, value: String)? {
        guard let match = word.wholeMatch(of: /([A-Z_]+)=(.*)/) else { return nil }
        return (String(match.1), String(match.2))
    }

    /// Variables, then a subcommand and its options.
    private static func command(in folder: String) throws(RunError) -> [String] {
        guard FileSystem.exists(folder) else {
            throw RunError(.data, "\(folder) does not exist; give the folder of a run or a study")
        }
        do {
            if let kind = StudyDirectory.kind(ofFolder: folder) {
                guard let last = try StudyDirectory.commands(in: folder).last else {
                    throw RunError(
                        .data,
                        "the \(kind.rawValue) in \(folder) has computed nothing yet; begin it with coordinator \(kind == .probe ? "probe" : "reproduce")"
                    )
                }
                return ownWords(of: last)
            }
            guard let config = try RunDirectory.keptConfig(in: folder) else {
                throw RunError(
                    .data,
                    "\(folder) holds neither a run nor a study; give the folder that --run-dir named"
                )
            }
            guard config[FolderKind.configKey] == nil, FolderKind(ofFolder: folder) != .benchmark
            else {
                throw RunError.usage(
                    "\(folder) is of a benchmark, whose trials are measured together: start coordinator benchmark again with the same options and --run-dir \(folder.shellQuoted); its backbone is kept"
                )
            }
            return ["run"] + options(of: config)
        } catch {
            throw CoordinatorProgram.runError(error)
        }
    }

    /// The words of a study's command line, without the comment above it, the program and its --run-dir,
    /// which may have been another place by that name.
    static func ownWords(of command: String) -> [String] {
        let line = command.split(separator: "\n").last { !$0.hasPrefix("#") } ?? ""
        var kept: [String] = []
        var isFolder = false
        for word in words(of: String(line)) {
            let isProgram = word == "coordinator" && kept.allSatisfy { variable($0) != nil }
            if !isFolder && !isProgram && word != "--run-dir" && !word.hasPrefix("--run-dir=") {
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
            case .null, .bool(false), RunOptions.crossValidated, RunOptions.validated: []
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
