import Programs
import System
import Testing

/// What `coordinator serve` cannot be told.
@Suite struct ServeOptionsTests {
    @Test(arguments: ["", ".", "..", "a/b", "/"])
    func aNameIsOnePartOfAURL(name: String) throws {
        var options = try ServeOptions(path: "model", listen: "127.0.0.1:0", threadCount: 1)
        try options.validate()
        options.name = name
        let error = #expect(throws: RunError.self) { try options.validate() }
        #expect(error?.code == .usage)
        #expect(error?.message.contains("--name is part of URLs") == true)
    }
}
