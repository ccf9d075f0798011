import Foundation

/// How much the cores that this process may use have worked since the machine started.
package struct CoreUse: Sendable {
    /// Core seconds of processes, and of what a hypervisor gave to other machines.
    package let busySeconds: Double
    /// Core seconds of work and of idleness.
    package let totalSeconds: Double
    /// Processor seconds of this process and of the children that it has waited for.
    package let ownSeconds: Double

    /// What the system says at this moment; nil where it does not tell.
    package static func now() -> CoreUse? {
        guard let stat = try? String(contentsOfFile: "/proc/stat", encoding: .utf8),
            let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        else { return nil }
        return CoreUse(
            stat: stat, status: status, ticksPerSecond: Double(sysconf(Int32(_SC_CLK_TCK))),
            ownSeconds: cpuSeconds(RUSAGE_SELF) + cpuSeconds(RUSAGE_CHILDREN))
    }

    /// What `/proc/stat` and this process's `status` say; nil without a core that it may use.
    ///
    /// Interrupts are left out: those of this process's own network would count as another's work.
    package init?(stat: String, status: String, ticksPerSecond: Double, ownSeconds: Double) {
        let allowed = Self.allowedCores(status)
        // user nice system idle iowait irq softirq steal, in ticks
        let cores = stat.split(separator: "\n").compactMap { line -> [Double]? in
            let words = line.split(separator: " ")
            guard let name = words.first, name.hasPrefix("cpu"),
                let number = Int(name.dropFirst(3)), allowed?.contains(number) ?? true
            else { return nil }
            let ticks = words.dropFirst().prefix(8).compactMap { Double($0) }
            return ticks.count == 8 ? ticks : nil
        }
        guard !cores.isEmpty, ticksPerSecond > 0 else { return nil }
        let sum = { (ticks: [Int]) in
            cores.reduce(0) { sum, core in ticks.reduce(sum) { $0 + core[$1] } } / ticksPerSecond
        }
        busySeconds = sum([0, 1, 2, 7])
        totalSeconds = sum(Array(0..<8))
        self.ownSeconds = ownSeconds
    }

    /// The share of the cores' time since an earlier reading that others' work took, in [0, 1]; nil
    /// if no time has passed.
    package func otherShare(since start: CoreUse) -> Double? {
        let total = totalSeconds - start.totalSeconds
        guard total > 0 else { return nil }
        let others = busySeconds - start.busySeconds - (ownSeconds - start.ownSeconds)
        return min(1, max(0, others / total))
    }

    /// The numbers in a line like `Cpus_allowed_list: 0-3,8`; nil without such a line.
    private static func allowedCores(_ status: String) -> Set<Int>? {
        let name = "Cpus_allowed_list:"
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else {
            return nil
        }
        let ranges = line.dropFirst(name.count).split(separator: ",").compactMap {
            range -> ClosedRange<Int>? in
            let ends = range.split(separator: "-").map {
                Int($0.trimmingCharacters(in: .whitespaces))
            }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, first <= last else {
                return nil
            }
            return first...last
        }
        return Set(ranges.joined())
    }

    private static func cpuSeconds(_ whose: __rusage_who) -> Double {
        var usage = rusage()
        guard unsafe getrusage(whose.rawValue, &usage) == 0 else { return 0 }
        return [usage.ru_utime, usage.ru_stime].reduce(0) {
            $0 + Double($1.tv_sec) + Double($1.tv_usec) * 1e-6
        }
    }
}
