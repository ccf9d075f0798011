import System
import Testing

@Suite struct ProgramArgumentsTests {
    @Test func argumentsAreUTF8() {
        func refusal(_ arguments: [UInt8]...) -> String? { ProgramArguments.refusal(of: arguments) }
        #expect(refusal() == nil)
        #expect(refusal([], Array("é 😀 \\ '".utf8), Array("--x".utf8)) == nil)
        // Latin 1, a lone surrogate, one cut short.
        #expect(
            refusal(Array("run".utf8), Array("caf".utf8) + [0xE9])
                == "argument 2, 'caf\\xe9', is not UTF-8; use a name in UTF-8, and for a file or folder of that name rename it or give it a link"
        )
        for bytes: [UInt8] in [[0xED, 0xA0, 0x80], [0xC3], [0x61, 0x80]] {
            #expect(refusal(bytes)?.hasPrefix("argument 1, '") == true)
        }
    }
}
