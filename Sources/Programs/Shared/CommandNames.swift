import Display
import Glibc
package import System

/// The commands of a program, and what somebody may have meant who typed another word.
package struct CommandNames: Sendable {
    private let program: String
    private let shown: [String]
    private let hidden: [String]

    /// Commands of `program`: those that its help lists, and those it keeps to itself.
    package init(of program: String, shown: [String], hidden: [String] = []) {
        self.program = program
        self.shown = shown
        self.hidden = hidden
    }

    /// Checks that the first word, if it is one, is a command, and so what `help` asks for.
    ///
    /// - Parameter arguments: what follows the program's own name.
    /// - Throws: `usage` with one sentence that names the nearest command.
    package func check(_ arguments: some Sequence<String>) throws(RunError) {
        var words = Array(arguments.prefix(2))
        if words.first == "help" { words.removeFirst() }
        guard let word = words.first, !word.hasPrefix("-"), word != "help",
            !shown.contains(word), !hidden.contains(word)
        else { return }
        let meant = nearest(to: word).map { " (did you mean \($0)?)" } ?? ""
        throw .usage(
            "there is no command '\(Format.printable(word))'\(meant); the commands are \(shown.joined(separator: ", ")); see \(program) --help"
        )
    }

    /// Checks this process's command line; where it names no command the process ends with one sentence.
    package func checkCommandLine() {
        do throws(RunError) {
            try check(CommandLine.arguments.dropFirst())
        } catch {
            StandardStream.error("\(program): \(error.message)\n")
            exit(error.code.exitStatus)
        }
    }

    /// The command that the word begins, or that the fewest slips make of it; nil where none is near.
    package func nearest(to word: String) -> String? {
        if word.count > 1, let whole = shown.first(where: { $0.hasPrefix(word) }) { return whole }
        let slips = shown.map { (name: $0, count: Self.slipCount(word, $0)) }
        let best = slips.min { $0.count < $1.count }
        return best.flatMap { $0.count <= max(1, min(3, word.count / 2)) ? $0.name : nil }
    }

    /// Letters missing, too many, wrong, or exchanged with their neighbour.
    private static func slipCount(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left.lowercased()), Array(right))
        // The counts for the beginnings of `right`, by how long a beginning of `left` is.
        var rows = [Array(0...right.count)]
        for i in 1..<left.count + 1 {
            var row = [i]
            for j in 1..<right.count + 1 {
                let isSame = left[i - 1] == right[j - 1]
                var count = min(
                    rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + (isSame ? 0 : 1))
                if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] {
                    count = min(count, rows[i - 2][j - 2] + 1)
                }
                row.append(count)
            }
            rows.append(row)
        }
        return rows[left.count][right.count]
    }
}
