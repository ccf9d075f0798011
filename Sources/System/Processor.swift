import CLinux
import Foundation

/// What the system says of this machine's processor, and how much of it this process may use.
package enum Processor {
    /// What it is called, as in "AMD EPYC 7763 64-Core Processor"; nil where the system does not tell.
    package static var modelName: String? {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
    }

    /// How many cores this process may use: what "all cores" means; at least 1.
    ///
    /// Those it may run on (`taskset`, a cpuset), or as many as its control groups give it time on, if
    /// these are fewer. A part of a core counts as one: half a core is 1, one and a half are 2. Read
    /// once, so that a process has one number.
    package static let availableCoreCount: Int = {
        let allowed = Int(manyheads_processor_count())
        return coreCount(
            allowed: allowed > 0 ? allowed : ProcessInfo.processInfo.activeProcessorCount,
            quota: CPUQuota.cores { try? String(contentsOfFile: $0, encoding: .utf8) })
    }()

    /// The number of cores to use of those `allowed`, with time on `quota` of them; nil is no limit.
    package static func coreCount(allowed: Int, quota: Double?) -> Int {
        guard let quota, quota < Double(allowed) else { return max(1, allowed) }
        return max(1, Int(quota.rounded(.up)))
    }
}
