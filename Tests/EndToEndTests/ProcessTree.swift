import Foundation
import TestSupport
import Testing

/// What the system says of a process; zombies count as gone.
struct ProcessEntry {
    let identifier: Int32
    let parent: Int32
    let cpuSeconds: Double

    init?(_ identifier: Int32) {
        guard let text = try? String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        // Behind the name, which may hold anything: state, parent, …, user and system ticks.
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 12, fields[0] != "Z", let parent = Int32(fields[1]),
            let user = Double(fields[11]), let system = Double(fields[12])
        else { return nil }
        self.identifier = identifier
        self.parent = parent
        cpuSeconds = (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Whether a thread of the process runs, or would if it got a core.
    static func isRunnable(_ identifier: Int32) -> Bool {
        let folder = "/proc/\(identifier)/task"
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return threads.contains { thread in
            guard
                let text = try? String(
                    contentsOfFile: "\(folder)/\(thread)/stat", encoding: .utf8),
                let end = text.lastIndex(of: ")")
            else { return false }
            return text[text.index(after: end)...].split(separator: " ").first == "R"
        }
    }

    /// Of `/proc/<id>/status`, in bytes: the most memory it ever held.
    static func peakRSSByteCount(of identifier: Int32) -> Int? {
        guard
            let text = try? String(contentsOfFile: "/proc/\(identifier)/status", encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") })
        else { return nil }
        return Int(line.filter(\.isNumber)).map { $0 * 1_024 }
    }
}

/// The children of a process that are alive.
func children(of process: RunningProcess) -> [Int32] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { Int32($0).flatMap(ProcessEntry.init) }
        .filter { $0.parent == process.identifier }.map(\.identifier).sorted()
}

/// Waits until a fact of the system holds, which nothing announces: looks every few milliseconds.
func eventually(
    _ what: String, within limit: Duration = .seconds(60), _ holds: () -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while !holds() {
        try #require(ContinuousClock.now < deadline, "not within \(limit): \(what)")
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// Waits until a process has computed for a while.
func hasComputed(_ identifier: Int32, seconds: Double) async throws {
    let start = ProcessEntry(identifier)?.cpuSeconds ?? 0
    try await eventually("process \(identifier) computes for \(seconds) s") {
        (ProcessEntry(identifier)?.cpuSeconds ?? 0) >= start + seconds
    }
}

/// Waits until a process has computed nothing for a while, though it could have.
func isIdle(_ identifier: Int32, for limit: Duration = .milliseconds(400)) async throws {
    var last = -1.0
    var since = ContinuousClock.now
    try await eventually("process \(identifier) is idle") {
        // Two ticks of the system's clock go by with signs of life.
        let now = ProcessEntry(identifier)?.cpuSeconds ?? 0
        // On a busy machine it may be kept waiting for longer than that.
        if now > last + 0.02 || ProcessEntry.isRunnable(identifier) { (last, since) = (now, .now) }
        return since.duration(to: .now) >= limit
    }
}
