import Programs
import System
import Testing

@Suite struct ServeOptionsTests {
    private func check(name: String?) throws(RunError) {
        var options = try ServeOptions(path: "run", listen: "127.0.0.1:0", threadCount: 1)
        options.name = name
        try options.validate()
    }

    @Test(arguments: [
        ("", "is empty"), (".", "means a folder"), ("..", "means a folder"), ("a/b", "has a slash"),
        ("a\r\nb", "has a line end"),
    ])
    func namesThatNoPathCanHoldAreRefused(name: String, words: String) {
        let error = #expect(throws: RunError.self) { try check(name: name) }
        #expect(error?.code == .usage)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test(arguments: [nil, "run", "...", ".run", "we ird", "a%2fb", "鳥"])
    func othersAreTaken(name: String?) throws {
        try check(name: name)
    }
}
