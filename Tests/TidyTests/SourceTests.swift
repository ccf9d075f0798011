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

    @Test func nothingWaitsWithoutALimit() {
        // In two pieces, so that this file does not find itself.
        let exits = "processExits" + "With:"
        let waits = ["await ", "waitUntil" + "Exit()", exits]
        // Suites in a suite have its limit; what is no suite is waited for by one.
        let files = SourceFile.all(under: "Tests").map { ($0, $0.lines.joined(separator: "\n")) }
            .filter { $1.contains("@Test") }
        #expect(files.count > 20)
        var findings: [String] = []
        for (file, text) in files where waits.contains(where: text.contains) {
            if !text.contains(".timeLimit(") { findings.append("\(file.path): no .timeLimit") }
            // The child of an exit test is ended by nobody else.
            let exitCount = text.ranges(of: exits).count
            if text.ranges(of: "endInTime()").count < exitCount {
                findings.append("\(file.path): an exit test without endInTime()")
            }
        }
        #expect(findings == [])
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
            "Sources", "Tests", "findings", "runs",
        ]
        let found = try FileManager.default.contentsOfDirectory(atPath: packageRoot.path)
            .filter { !$0.hasPrefix(".") }
        #expect(Set(found).subtracting(allowed) == [])
    }

    @Test func theReadmeFitsAFirstReading() throws {
        let text = try Data(contentsOf: packageRoot.appending(path: "README.md"))
        #expect(text.count <= 10_240)
    }

    @Test func foldersShowTheirParts() {
        var counts: [String: Int] = [:]
        for file in Self.sources {
            counts[
                String(file.path.prefix(upTo: file.path.lastIndex(of: "/") ?? file.path.endIndex)),
                default: 0] += 1
        }
        #expect(counts.filter { $0.value > 20 } == [:], "More than 20 files want subfolders.")
    }

    /// Files that may say how many features the backbone's rows have, or which data sets there are: those
    /// of the modules that own them, and where a person chooses.
    private static let owners = [
        "Sources/LeNet/", "Sources/ImageData/",
        // Defaults of options, and the names that people read.
        "Sources/coordinator/", "Sources/bench/",
        "Sources/Programs/Run/RunOptions.swift",
        "Sources/Programs/Reproduce/ReproduceOptions.swift",
        "Sources/Pages/StudyNames.swift", "Sources/Pages/Sections/AnswerSection.swift",
        // What the post says is about its data sets.
        "Sources/Study/PostNumbers.swift",
    ]

    @Test func nothingElseKnowsTheBackboneOrTheDataSets() throws {
        let words = try Regex(
            #"\bfeatureCount\b[^,;]*\b256\b|\bLeNet[A-Z]|"(?:fashion-mnist|mnist|cifar10)"|\.fashionMNIST\b|\.cifar10\b"#
        )
        var findings: [String] = []
        for file in Self.sources where !Self.owners.contains(where: file.path.hasPrefix) {
            for (index, code) in file.code.enumerated() {
                // Literals are blanked in `code`: names of data sets are looked for in the line itself.
                let isComment = code.allSatisfy(\.isWhitespace)
                if !isComment, file.lines[index].contains(words) {
                    findings.append(file.finding(index, "only its owner knows that"))
                }
            }
        }
        #expect(findings == [])
    }

    /// Where every number before a noun is written by the one function that knows `1 head` and
    /// `1,013 heads`.
    private static let counting = [
        "Decoding", "Display", "FeatureStore", "HeadTraining", "LeNet", "Pages",
        "Programs/Benchmark", "Programs/Evaluate", "Programs/Reproduce", "Programs/Shared",
        "Programs/Simulate", "Sessions/Work", "Simulation", "Statistics", "Study", "Transfer",
        "WireProtocol", "bench",
    ].map { "Sources/\($0)/" }

    @Test func oneFunctionCountsNouns() throws {
        for folder in Self.counting {
            #expect(Self.sources.contains { $0.path.hasPrefix(folder) }, "\(folder)")
        }
        let count = try Regex(
            #"\\\((?:[^()"]|\([^()]*\))*\) (?:heads|workers|trials|units|rows|classes|features|epochs|networks|tasks|bundles|bytes|chunks|cores|threads|labels|images)\b"#
        )
        // What is no whole number, what cannot be one, and the second one of "3/1,000 rows".
        let others = try Regex(
            #"rawValue|[nN]ame|noun|rate\(|decimal\(|plain\(|\)/\\\(|\(counts\)|precondition"#)
        var findings: [String] = []
        for file in Self.sources where Self.counting.contains(where: file.path.hasPrefix) {
            for (index, line) in file.lines.enumerated() {
                let isComment = file.code[index].allSatisfy(\.isWhitespace)
                if !isComment, line.contains(count), !line.contains(others) {
                    findings.append(file.finding(index, "counted(_:) says how many"))
                }
            }
        }
        #expect(findings == [])
    }
}
