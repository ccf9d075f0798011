import Display
import Glibc
package import System

/// What a parser of options lets pass, or refuses in words that name no cure.
package enum CommandLineWords {
    /// Options that name files; several are one value.
    private static let fileOptions = ["train", "val", "test", "add"].flatMap {
        ["--" + $0, "--\($0)-labels"]
    }

    /// Checks a command line without its program.
    ///
    /// - Throws: `usage` for files in two options of one name, of which the last would be taken, and for
    ///   a value that begins with a minus sign, which is read as an option.
    package static func check(_ words: [String]) throws(RunError) {
        let names = words.map(optionName)
        for option in fileOptions where names.count(where: { $0 == option }) > 1 {
            throw .usage("\(option) was given twice; name several files as \(option) a,b")
        }
        for (option, value) in zip(words, words.dropFirst()) {
            guard option.wholeMatch(of: /--[a-z][a-z0-9-]*/.ignoresCase()) != nil,
                value.prefixMatch(of: /-\.?[0-9]/) != nil
            else { continue }
            throw .usage(
                "the value \(Format.printable(value)) begins with a minus sign, as options do; write it as \(option)=\(Format.printable(value))"
            )
        }
    }

    /// The option in a word, without the value that may follow it behind `=`.
    static func optionName(_ word: String) -> String { String(word.prefix { $0 != "=" }) }

    /// Checks this process's command line; where it is refused the process ends with one sentence.
    package static func checkCommandLine(of program: String) {
        do throws(RunError) {
            try check(Array(CommandLine.arguments.dropFirst()))
        } catch {
            StandardStream.error("\(program): \(error.message)\n")
            exit(error.code.exitStatus)
        }
    }
}
