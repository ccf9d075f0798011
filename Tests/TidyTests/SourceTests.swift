import Foundation
import TestSupport
import Testing

/// What the formatter's linter does not see.
@Suite struct SourceTests {
    private static let sources = SourceFile.all(under: "Sources")
    private static let everything = sources + SourceFile.all(under: "Tests")

    @Test func thereIsSomethingToLookAt() {
        #expect(Self.sources.count > 20)
        #expect(Self.everything.contains { $0.path == "Tests/TidyTests/SourceTests.swift" })
    }

    @Test func packageDeclarationsAreDocumented() {
        #expect(Self.sources.flatMap(\.undocumentedPackageDeclarations) == [])
        let support = SourceFile.all(under: "Tests/TestSupport")
        #expect(support.flatMap(\.undocumentedPackageDeclarations) == [])
    }

    @Test func functionsFitOnAScreen() {
        #expect(Self.everything.flatMap { $0.functions(longerThan: 70) } == [])
    }

    @Test func filesStayReadable() {
        let long = Self.everything.filter { $0.lines.count > 451 }
        #expect(long.map { "\($0.path): \($0.lines.count - 1) lines" } == [])
    }

    @Test func nothingIsLeftOver() {
        #expect(Self.everything.flatMap(\.leftovers) == [])
    }

    @Test func noFileNamesAFolderOfTheMachineItWasWrittenOn() throws {
        // In two pieces, so that this file does not find itself.
        let machine = try Regex("(?:^|[^A-Za-z0-9_.$}/-])/(?:wo" + "rk|tm" + "p)/")
        let folders = [".ci", "Deploy", "Scripts", "Sources", "Tests"]
        let top = ["Package.swift", "README.md", ".dockerignore", ".gitignore", ".swift-format"]
        var findings: [String] = []
        for path in folders.flatMap(SourceFile.paths(under:)) + top {
            let url = packageRoot.appending(path: path)
            guard let text = try? String(contentsOf: url, encoding: .utf8) else { continue }
            for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
                .enumerated()
            where line.contains("/") && line.contains(machine) {
                findings.append("\(path):\(index + 1): \(line)")
            }
        }
        #expect(findings == [])
    }

    @Test func theTopLevelHoldsNothingElse() throws {
        let allowed: Set<String> = [
            "Deploy", "LICENSE", "Package.resolved", "Package.swift", "README.md", "Scripts",
            "Sources", "Tests", "runs",
        ]
        let found = try FileManager.default.contentsOfDirectory(atPath: packageRoot.path)
            .filter { !$0.hasPrefix(".") }
        #expect(Set(found).subtracting(allowed) == [])
    }
}
