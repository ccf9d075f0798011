import Foundation
import TestSupport
import Testing

/// How the scripts count cores, on files as Linux shows them; the programs' way is in SystemTests.
@Suite(.timeLimit(.minutes(4))) struct AvailableCoresTests {
    private static let unified =
        "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
    private static let separate =
        "614 610 0:34 /docker/4f1d /sys/fs/cgroup/cpu,cpuacct ro master:12 - cgroup cgroup rw,cpu,cpuacct"

    /// What the scripts say on a machine of 16 cores.
    private func cores(
        group: String, mount: String, _ files: [String: String]
    ) async throws -> String {
        let folder = try TemporaryDirectory()
        let all = files.merging(["proc/self/cgroup": group, "proc/self/mountinfo": mount]) { $1 }
        for (path, text) in all.sorted(by: { $0.key < $1.key }) {
            let file = URL(filePath: folder.path(path))
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data((text + "\n").utf8).write(to: file)
        }
        let script = """
            set -euo pipefail
            source "$1/Scripts/lib/common.sh"
            nproc() { echo 16; }
            available_cores "$2"
            """
        let outcome = try await run(
            URL(filePath: "/bin/bash"),
            ["-c", script, "test", packageRoot.path, folder.path("")])
        #expect(outcome.status == 0, "\(outcome.standardError)")
        return outcome.standardOutput.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test(
        arguments: [
            ("50000 100000", "1"), ("250000 100000", "3"), ("max 100000", "16"),
            ("3200000 100000", "16"), ("200000", "2"),
        ])
    func aQuotaOfTheSecondVersion(_ quota: String, _ expected: String) async throws {
        let found = try await cores(
            group: "0::/a.slice/b.service", mount: Self.unified,
            ["sys/fs/cgroup/a.slice/b.service/cpu.max": quota])
        #expect(found == expected)
    }

    @Test func theSmallestOfNestedGroupsCounts() async throws {
        let found = try await cores(
            group: "0::/a.slice/b.service", mount: Self.unified,
            [
                "sys/fs/cgroup/a.slice/b.service/cpu.max": "max 100000",
                "sys/fs/cgroup/a.slice/cpu.max": "150000 100000",
                "sys/fs/cgroup/cpu.max": "700000 100000",
            ])
        #expect(found == "2")
    }

    @Test(arguments: [("-1", "16"), ("50000", "1"), ("400000", "4")])
    func aQuotaOfTheFirstVersion(_ quota: String, _ expected: String) async throws {
        let found = try await cores(
            group: "4:cpu,cpuacct:/docker/4f1d\n0::/system.slice/containerd.service",
            mount: Self.separate,
            [
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": quota,
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            ])
        #expect(found == expected)
    }

    @Test func withoutGroupsAllOfTheMachineCount() async throws {
        #expect(try await cores(group: "", mount: "broken", [:]) == "16")
    }

    // Nobody counts in another way.
    @Test func noScriptCountsCoresByItself() {
        for path in SourceFile.paths(under: "Scripts") {
            let url = packageRoot.appending(path: path)
            guard let text = try? String(contentsOf: url, encoding: .utf8) else { continue }
            let others = path == "Scripts/lib/common.sh" ? 1 : 0
            #expect(text.ranges(of: "$(nproc)").count == others, "\(path)")
        }
        let sources = SourceFile.all(under: "Sources").filter {
            $0.path != "Sources/System/Processor.swift"
        }
        for file in sources {
            #expect(!file.lines.contains { $0.contains("activeProcessorCount") }, "\(file.path)")
        }
    }
}
