import Testing

/// The checks find what they are there to find.
@Suite struct CheckerTests {
    private func file(_ text: String) -> SourceFile {
        SourceFile(path: "Sources/Example/Example.swift", text: text)
    }

    @Test func blanksTextAndComments() {
        let text = #"""
            let a = "x // y \(b("in")) {" // {
            let c = """
                { "quoted"
                """ + #"a "raw" {"#
            /* { /* nested */ } */ let d = 1
            """#
        let code = file(text).code.map {
            $0.filter { $0 != " " }.replacing(/"+/, with: "\"")
        }
        #expect(code == [#"leta=""#, #"letc=""#, #"""#, #""+""#, "letd=1"])
    }

    @Test func findsImports() {
        let imports = file(
            """
            import A
            package import B
            @_spi(X) import C
            internal import struct D.E
            // import F
            let text = "import G"
            """
        ).imports
        #expect(imports.map(\.module) == ["A", "B", "C", "D"])
        #expect(imports.map(\.line) == [0, 1, 2, 3])
    }

    @Test func findsDeclarationsWithoutComments() {
        let found = file(
            """
            package import A
            /// Said.
            package struct B {
                package let c = 1
                // Said, but not to the reader of documentation.
                package var d: Int { 1 }
                /// Said.
                @discardableResult
                @available(
                    *, deprecated)
                package func e() {}

                @inlinable package static func f() {}
                /// Said.

                static package func g() {}
                private(set) package var h = 1
                let package = 1
            }
            """
        ).undocumentedPackageDeclarations
        #expect(found.map { $0.split(separator: ":")[1] } == ["4", "6", "13", "16", "17"])
    }

    @Test func measuresFunctions() {
        let body = String(repeating: "    work()\n", count: 5)
        let found = file(
            """
            protocol P {
                func required() -> Int
                init(required: Int)
            }
            func short() {}
            func seven() {
            \(body)}
            package init?(
                eight: Int
            ) throws {
            \(body)}
            struct S {
                init(_ x: Int) { self.init() }
                deinit {
            \(body)    }
            }
            """
        )
        #expect(found.functions(longerThan: 7).map { $0.split(separator: ":")[1] } == ["13"])
        #expect(
            found.functions(longerThan: 6).map { $0.split(separator: ":")[1] } == ["6", "13", "24"])
        #expect(found.functions(longerThan: 9) == [])
    }

    @Test(arguments: [
        "let x = 1", "var y: Int", "}", "if a {", "call();", "func f()", "return x", "import A",
        "try self.close(now)", "print(x)",
    ])
    func findsCommentedOutCode(_ code: String) {
        #expect(file("// \(code)").leftovers.count == 1)
    }

    @Test(arguments: [
        "features: [sample, feature], weights: [class, feature]", "Let it be.", "MARK: Here",
        "return early: nobody waits", "what was rejected (and when)", "n = rows, k = classes",
        "Softmax (section 2.1): exp(x - max)",
    ])
    func leavesSentencesAlone(_ sentence: String) {
        #expect(file("// \(sentence)\n/// let x = 1").leftovers == [])
    }

    @Test func findsMarks() {
        #expect(file("let a = 1 // TO" + "DO: more").leftovers.count == 1)
        #expect(file("// FIX" + "ME").leftovers.count == 1)
        #expect(file("let autodo" + "TO" + "DOx = 1").leftovers == [])
    }
}
