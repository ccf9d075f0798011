import Foundation
import Journal
import TestSupport
import Testing

private let python = URL(filePath: "/usr/bin/python3")
private let hasPython = FileManager.default.isExecutableFile(atPath: python.path)

/// What the article about the journal's tables tells people, against a journal.
@Suite(.enabled(if: hasPython, "needs python3"), .timeLimit(.minutes(4)))
struct TablesArticleTests {
    private static let listing = """
        import sqlite3, sys
        database = sqlite3.connect(sys.argv[1])
        database.execute(sys.argv[2])
        names = "SELECT name FROM sqlite_master WHERE type = 'table'"
        print(*(row[0] for row in database.execute(names)))
        """

    @Test func namesEveryTableAndAQueryThatRuns() async throws {
        let folder = try TemporaryDirectory()
        let path = folder.path("journal.sqlite")
        try RunJournal.create(path: path, config: Journals.config).close()
        let article = try String(
            contentsOf: packageRoot.appending(path: "Sources/Journal/Journal.docc/Tables.md"),
            encoding: .utf8)
        let query = try #require(article.split(separator: "'").first { $0.hasPrefix("SELECT ") })
        let outcome = try await run(python, ["-c", Self.listing, path, String(query)])
        #expect(outcome.status == 0, "\(outcome.standardError)")
        let tables = outcome.standardOutput.split(whereSeparator: \.isWhitespace)
        let named = article.split(separator: "\n").filter { $0.hasPrefix("| `") }.flatMap {
            $0.split(separator: "|")[0].split(separator: "`").filter {
                $0.allSatisfy { $0.isLetter || $0 == "_" }
            }
        }
        #expect(named.sorted() == tables.sorted())
    }
}
