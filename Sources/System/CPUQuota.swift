/// How much processor time Linux's control groups give a process, in cores.
///
/// A container's `--cpus`, `CPUQuota=` of systemd and the limits of Kubernetes are such quotas. What
/// counts is the least of the group the process is in and of all those around it.
package enum CPUQuota {
    /// The two forms in which Linux has control groups.
    private enum Version: Hashable { case first, second }

    /// A folder that control groups are mounted at.
    private struct Mount {
        let version: Version
        /// The group that the folder shows as its own.
        let root: String
        let folder: String
    }

    /// The quota of the process that reads; nil where nothing limits it.
    ///
    /// - Parameter read: the text of a file, or nil if there is none.
    package static func cores(reading read: (String) -> String?) -> Double? {
        guard let groups = read("/proc/self/cgroup"), let mounts = read("/proc/self/mountinfo")
        else { return nil }
        var least: Double?
        for mount in mounts.split(separator: "\n").compactMap(mount) {
            guard let group = group(groups, mount.version) else { continue }
            for folder in folders(of: group, in: mount) {
                let found =
                    switch mount.version {
                    case .first:
                        cores(
                            quota: read(folder + "/cpu.cfs_quota_us"),
                            period: read(folder + "/cpu.cfs_period_us"))
                    case .second: cores(max: read(folder + "/cpu.max"))
                    }
                if let found { least = min(least ?? found, found) }
            }
        }
        return least
    }

    /// Of `cpu.max`, as in "50000 100000": microseconds of time in each period; "max" is no limit.
    private static func cores(max text: String?) -> Double? {
        let words = text?.split(whereSeparator: \.isWhitespace).map(String.init) ?? []
        return cores(quota: words.first, period: words.count > 1 ? words[1] : "100000")
    }

    /// Of both files of the first version; a quota of -1 is no limit.
    private static func cores(quota: String?, period: String?) -> Double? {
        func number(_ text: String?) -> Double? {
            (text?.split(whereSeparator: \.isWhitespace).first).flatMap { Double($0) }
        }
        guard let quota = number(quota), let period = number(period), quota > 0, period > 0,
            quota.isFinite, period.isFinite
        else { return nil }
        return quota / period
    }

    /// The process's group by /proc/self/cgroup, whose lines are `NUMBER:CONTROLLERS:GROUP`.
    private static func group(_ text: String, _ version: Version) -> String? {
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            switch version {
            case .first:
                if parts[1].split(separator: ",").contains("cpu") { return String(parts[2]) }
            case .second: if parts[0] == "0", parts[1].isEmpty { return String(parts[2]) }
            }
        }
        return nil
    }

    /// A line of /proc/self/mountinfo, if control groups with processor time may be there.
    private static func mount(_ line: Substring) -> Mount? {
        // Number, parent, device, root, folder, options, more of them; then " - " and type, source,
        // options of the file system.
        guard let separator = line.firstRange(of: " - ") else { return nil }
        let fields = line[..<separator.lowerBound].split(separator: " ")
        let kind = line[separator.upperBound...].split(separator: " ")
        guard fields.count > 4, kind.count > 2 else { return nil }
        let version: Version
        switch kind[0] {
        case "cgroup2": version = .second
        case "cgroup" where kind[2].split(separator: ",").contains("cpu"): version = .first
        default: return nil
        }
        return Mount(version: version, root: plain(fields[3]), folder: plain(fields[4]))
    }

    /// A path without the escapes of mountinfo.
    private static func plain(_ field: Substring) -> String {
        String(field).replacing("\\040", with: " ").replacing("\\011", with: "\t")
            .replacing("\\012", with: "\n").replacing("\\134", with: "\\")
    }

    /// The folders of a group and of those around it, as far as the mount shows them.
    private static func folders(of group: String, in mount: Mount) -> [String] {
        // A group outside of the mount's (of another namespace): only the mount's own can be seen.
        var path = ""
        if mount.root == "/" {
            path = group
        } else if group.hasPrefix(mount.root + "/") {
            path = String(group.dropFirst(mount.root.count))
        }
        let names = path.split(separator: "/")
        guard !names.contains("..") else { return [mount.folder] }
        return (0...names.count).map { count in
            ([mount.folder] + names.prefix(count).map(String.init)).joined(separator: "/")
        }
    }
}
