import Foundation
import TestSupport
import Testing

/// `Scripts/dependencies` and its list: two builds on two days take the same packages.
@Suite(.timeLimit(.minutes(4))) struct DependenciesTests {
    /// A package of ours with the script, the list and what SwiftPM resolved, in a folder of its own.
    private struct Copy {
        let folder: TemporaryDirectory

        init() throws {
            folder = try TemporaryDirectory()
            for name in ["Scripts/dependencies", "Deploy/dependencies.txt"] {
                let target = folder.url.appending(path: name)
                try FileManager.default.createDirectory(
                    at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
                try FileManager.default.copyItem(at: packageRoot.appending(path: name), to: target)
            }
        }

        func script(_ command: String) async throws -> (status: Int32, standardError: String) {
            // By bash: a file that this process has just written may be busy.
            let outcome = try await run(
                URL(filePath: "/bin/bash"), [folder.path("Scripts/dependencies"), command])
            return (outcome.status, outcome.standardError)
        }

        var resolved: String {
            get throws {
                try String(
                    contentsOf: folder.url.appending(path: "Package.resolved"), encoding: .utf8)
            }
        }
    }

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: packageRoot.appending(path: path), encoding: .utf8)
    }

    /// Name, version, revision, address of each package listed.
    private static func listed() throws -> [[String]] {
        try text("Deploy/dependencies.txt").split(separator: "\n").filter { !$0.hasPrefix("#") }
            .map { $0.split(separator: " ").map(String.init) }
    }

    @Test func theListHasEachPackageThatTheManifestNames() throws {
        let manifest = try Self.text("Package.swift")
        let listed = try Self.listed()
        let named = manifest.matches(of: /\.package\(url: "([^"]+)", from: "(\d+)\.[\d.]+"\)/)
        #expect(!named.isEmpty)
        #expect(Set(listed.map { $0[3] }) == Set(named.map { String($0.1) }))
        for (_, address, major) in named.map(\.output) {
            let version = listed.first { $0[3] == address }?[1] ?? ""
            #expect(version.hasPrefix("\(major)."), "\(address)")
        }
        for package in listed { #expect(package[2].wholeMatch(of: /[0-9a-f]{40}/) != nil) }
    }

    /// What the running tests were built from: a build that took others is found here too.
    @Test func theBuildTookWhatIsListed() async throws {
        let resolved = packageRoot.appending(path: "Package.resolved")
        guard FileManager.default.fileExists(atPath: resolved.path) else { return }
        let outcome = try await run(
            packageRoot.appending(path: "Scripts/dependencies"), ["check"])
        #expect(outcome.status == 0, "\(outcome.standardError)")
    }

    @Test func aFreshCopyTakesWhatIsListed() async throws {
        let copy = try Copy()
        let missing = try await copy.script("check")
        #expect(missing.status == 65)
        #expect(missing.standardError.contains("Scripts/dependencies restore"))
        #expect(try await copy.script("restore").status == 0)
        #expect(try await copy.script("check").status == 0)
        let pins = try #require(
            JSONSerialization.jsonObject(with: Data(try copy.resolved.utf8)) as? [String: Any])
        #expect((pins["pins"] as? [Any])?.count == (try Self.listed().count))
    }

    @Test func otherPackagesAreNamedAndPutBack() async throws {
        let copy = try Copy()
        #expect(try await copy.script("restore").status == 0)
        let package = try #require(try Self.listed().first)
        try copy.folder.write(
            copy.resolved.replacing(package[1], with: "99.0.0"), to: "Package.resolved")
        let outcome = try await copy.script("check")
        #expect(outcome.status == 65)
        #expect(outcome.standardError.contains("\(package[0]): \(package[1]) ("))
        #expect(outcome.standardError.contains("99.0.0"))
        #expect(try await copy.script("restore").standardError.contains("99.0.0"))
        #expect(try await copy.script("check").status == 0)
    }

    @Test func anUnknownCommandIsRefused() async throws {
        #expect(try await Copy().script("guess").status == 64)
    }

    @Test func theReleaseHasOneNumber() throws {
        let source = try Self.text("Sources/System/Release.swift")
        let version = try #require(source.firstMatch(of: /version = "([\d.]+)"/)?.1)
        #expect(try Self.text("Deploy/CHANGELOG.md").contains("\n## \(version)"))
        let image = try Self.text("Deploy/Dockerfile")
        #expect(image.contains("org.opencontainers.image.version=\"\(version)\""))
    }
}
