import Programs
import System
import Testing

/// Words of a command line that would be taken for something else.
@Suite struct CommandLineWordsTests {
    private func refusal(_ words: [String]) throws -> String {
        let error = #expect(throws: RunError.self) { try CommandLineWords.check(words) }
        #expect(error?.code == .usage)
        return error?.message ?? ""
    }

    @Test(arguments: [
        ("--classes", "-10,20"), ("--drop", "-10"), ("--top", "-1"), ("--reject", "-0.1"),
        ("--l2", "-.5"),
    ])
    func aValueWithAMinusSignGetsItsForm(option: String, value: String) throws {
        let words = ["classes", "run", option, value, "--run-dir", "new"]
        #expect(try refusal(words).contains("write it as \(option)=\(value)"))
        try CommandLineWords.check(["classes", "run", "\(option)=\(value)"])
    }

    @Test(arguments: [
        "--train", "--train-labels", "--val", "--val-labels", "--test", "--test-labels", "--add",
        "--add-labels",
    ])
    func filesOfTwoOptionsAreNotLost(option: String) throws {
        for words in [[option, "a", option, "b"], [option + "=a", option, "b"]] {
            #expect(
                try refusal(["run"] + words)
                    == "\(option) was given twice; name several files as \(option) a,b")
        }
        try CommandLineWords.check(["run", option, "a,b"])
    }

    @Test(arguments: [
        [], ["run", "--seed", "1", "--workers", "2"], ["run", "-h"],
        ["classes", "r", "--", "--l2"],
        ["run", "--train", "a", "--train-labels", "b", "--test", "c", "--test-labels", "d"],
        ["classes", "run", "--add", "a", "--", "--test", "b"],
    ])
    func othersPass(words: [String]) throws {
        try CommandLineWords.check(words)
    }
}
