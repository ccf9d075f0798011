import Formats
import Foundation
package import System

/// The workers of `benchmark --hosts`: a line for each, in the order in which they are used.
package struct HostsFile: Sendable {
    /// How the worker of a line is started.
    package enum Start: Hashable, Sendable {
        /// By ssh on another host, as ssh knows it, with the path of the worker program there.
        case ssh(destination: String, program: String)
        /// By a command line for the shell of this machine, with `{endpoint}` and `{name}` in it.
        case command(String)
    }

    /// One worker.
    package struct Entry: Hashable, Sendable {
        /// Where it stands in the file, from 1.
        package let lineNumber: Int
        /// What to run.
        package let start: Start
    }

    /// The file, as it was given.
    package let path: String
    /// At least one.
    package let entries: [Entry]

    /// Reads a file.
    ///
    /// - Throws: `data` if it cannot be read, names nobody, or has a line that is neither; the line is
    ///   named.
    package init(path: String) throws(RunError) {
        let text: String
        do throws(FormatError) {
            text = try FileSystem.readText(path)
        } catch {
            throw RunError(.data, "--hosts: \(error.message)")
        }
        try self.init(path: path, text: text)
    }

    /// Understands a file's text, of which `path` is the name in messages.
    package init(path: String, text: String) throws(RunError) {
        self.path = path
        var entries: [Entry] = []
        for (index, line) in TextLines.of(text).enumerated() {
            // As Scripts/start-workers reads it: what follows a # is a comment.
            let code = line.prefix { $0 != "#" }.trimmingCharacters(in: .whitespacesAndNewlines)
            if code.isEmpty { continue }
            do throws(Complaint) {
                entries.append(Entry(lineNumber: index + 1, start: try Self.start(code)))
            } catch {
                throw RunError(.data, "\(path), line \(index + 1): \(error.text)")
            }
        }
        guard !entries.isEmpty else {
            throw RunError(.data, "\(path) names no worker: write an ssh destination on a line")
        }
        self.entries = entries
    }

    private struct Complaint: Error {
        let text: String
    }

    private static func start(_ line: String) throws(Complaint) -> Start {
        if line.contains("{endpoint}") { return .command(line) }
        if line.contains("{name}") {
            throw Complaint(
                text: "a command line needs {endpoint} where the coordinator's address goes")
        }
        let words = line.split(maxSplits: 1, whereSeparator: \.isWhitespace)
        let destination = String(words[0])
        let program =
            words.count > 1 ? words[1].trimmingCharacters(in: .whitespaces) : "worker"
        if destination.hasPrefix("-") {
            throw Complaint(
                text: "\(destination) is no host: a name cannot begin with a dash")
        }
        if destination.contains("://") && !destination.hasPrefix("ssh://") {
            throw Complaint(
                text:
                    "\(destination) is no ssh destination: a worker listens nowhere, it is started and connects to the coordinator"
            )
        }
        if program.hasPrefix("-") || program.contains(" -") {
            throw Complaint(
                text:
                    "'\(program)' is no program: a command line with options needs {endpoint} in it"
            )
        }
        return .ssh(destination: destination, program: program)
    }
}
