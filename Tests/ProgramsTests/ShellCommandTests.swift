import Programs
import Testing

@Suite struct ShellCommandTests {
    private func command(_ arguments: [String], _ environment: [String: String] = [:]) -> String {
        let lines = ShellCommand.line("coordinator", arguments, environment: environment)
            .split(separator: "\n", maxSplits: 1)
        #expect(lines.count == 2)
        #expect(lines.first?.wholeMatch(of: /# manyheads \d+\.\d+\.\d+.*/) != nil)
        return lines.last.map(String.init) ?? ""
    }

    @Test func wordsAreQuotedForAShell() {
        #expect(
            command(["reproduce", "--run-dir", "a b/it's", "--classes", "", "-x=1,2%"])
                == #"coordinator reproduce --run-dir 'a b/it'\''s' --classes '' -x=1,2%"#)
        #expect(command(["$HOME", "a;b"]) == "coordinator '$HOME' 'a;b'")
    }

    @Test func whatTheEnvironmentChangesIsPartOfIt() {
        let environment = [
            "MANYHEADS_DATA": "/my data", "MANYHEADS_ISA": "scalar", "HOME": "/root",
            "DNNL_MAX_CPU_ISA": "",
        ]
        #expect(
            command(["reproduce"], environment)
                == "MANYHEADS_DATA='/my data' MANYHEADS_ISA=scalar coordinator reproduce")
        // Only the folder that was searched.
        for words in [["--data-dir", "/d"], ["--data-dir=/d"]] {
            #expect(
                command(words, environment)
                    == "MANYHEADS_ISA=scalar coordinator " + words.joined(separator: " "))
        }
    }
}
