import Foundation
import TestSupport
import Testing

/// What `Deploy` promises to whoever is not there when something fails.
@Suite struct DeployTests {
    private static let units = [
        "systemd/manyheads-coordinator@.service", "systemd/manyheads-worker@.service",
    ]

    private func text(_ name: String) throws -> String {
        try String(contentsOf: packageRoot.appending(path: "Deploy/" + name), encoding: .utf8)
    }

    /// The lines of a file that are no comments, without their indentation.
    private func lines(_ name: String) throws -> [String] {
        try text(name).split(separator: "\n")
            .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.hasPrefix("#") }
    }

    @Test func everyFileIsInTheInstructions() throws {
        let instructions = try text("README.md")
        for path in SourceFile.paths(under: "Deploy") where path != "Deploy/README.md" {
            let name = path.dropFirst("Deploy/".count)
            #expect(instructions.contains("`\(name)`"), "\(path)")
        }
    }

    @Test(arguments: units) func unitsDoNotRepeatWhatDoesNotGetBetter(unit: String) throws {
        let lines = try lines(unit)
        let final = lines.first { $0.hasPrefix("RestartPreventExitStatus=") } ?? ""
        #expect(final.hasPrefix("RestartPreventExitStatus=64 65"))
        for setting in ["StartLimitBurst=", "MemoryMax=", "TasksMax=", "LogRateLimitBurst="] {
            #expect(lines.contains { $0.hasPrefix(setting) }, "\(setting)")
        }
    }

    @Test func resultsOfTheServiceCanBeRead() throws {
        let lines = try lines(Self.units[0])
        #expect(!lines.contains { $0.hasPrefix("DynamicUser=") })
        #expect(lines.contains("StateDirectory=manyheads/%i"))
        #expect(lines.contains("StateDirectoryMode=0750"))
        #expect(lines.contains("UMask=0027"))
        #expect(try text("systemd/sysusers.conf").contains("u manyheads "))
    }

    @Test func containersHaveLimits() throws {
        let lines = try lines("compose.yaml")
        let restarts = lines.filter { $0.hasPrefix("restart:") }
        #expect(restarts.count == 2)
        #expect(restarts.allSatisfy { $0.contains(/on-failure:\d+$/) }, "\(restarts)")
        #expect(lines.count { $0.hasPrefix("mem_limit:") } == 2)
        for setting in ["pids_limit:", "max-size:", "max-file:"] {
            #expect(lines.contains { $0.hasPrefix(setting) }, "\(setting)")
        }
        // A lock on its key parts each worker from the others.
        #expect(lines.contains { $0.contains("flock --nonblock") })
    }
}
