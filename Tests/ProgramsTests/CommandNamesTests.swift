import Programs
import System
import Testing

/// What a mistyped command is taken for.
@Suite struct CommandNamesTests {
    private let names = CommandNames(
        of: "coordinator", shown: ["run", "evaluate", "benchmark", "reproduce", "keygen"],
        hidden: ["secret"])

    @Test(arguments: [
        ("rnu", "run"), ("ru", "run"), ("RUN", "run"), ("benhcmark", "benchmark"),
        ("repoduce", "reproduce"), ("eval", "evaluate"), ("key-gen", "keygen"),
    ])
    func theNearestIsNamed(word: String, meant: String) throws {
        let error = try #require(throws: RunError.self) {
            try names.check([word, "--workers", "2"])
        }
        #expect(error.code == .usage)
        #expect(
            error.message
                == "there is no command '\(word)' (did you mean \(meant)?); the commands are run, evaluate, benchmark, reproduce, keygen; see coordinator --help"
        )
    }

    @Test(arguments: ["", "x", "serve", "secre", "no such command at all"])
    func whatIsNearNoneNamesNone(word: String) throws {
        #expect(names.nearest(to: word) == nil)
        let error = try #require(throws: RunError.self) { try names.check(["help", word]) }
        #expect(error.message.hasPrefix("there is no command '\(word)'; the commands are run, "))
    }

    @Test(arguments: [
        [], ["--every", "10"], ["run", "rnu"], ["secret"], ["help"], ["help", "keygen"], ["--help"],
        ["help", "--help"],
    ])
    func whatIsOnePasses(arguments: [String]) throws {
        try names.check(arguments)
    }
}
