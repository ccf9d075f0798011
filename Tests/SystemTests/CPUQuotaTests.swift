import System
import Testing

/// Quotas of control groups, in the files' own texts.
@Suite struct CPUQuotaTests {
    /// What Linux shows of the second version's mount, of a machine with systemd.
    private static let unified =
        "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
    /// The same of the first version, in a container without a namespace of its own.
    private static let separate = """
        611 610 0:31 /docker/4f1d /sys/fs/cgroup/systemd ro,relatime master:9 - cgroup cgroup rw,xattr,name=systemd
        614 610 0:34 /docker/4f1d /sys/fs/cgroup/cpu,cpuacct ro,relatime master:12 - cgroup cgroup rw,cpu,cpuacct
        615 610 0:35 /docker/4f1d /sys/fs/cgroup/cpuset ro,relatime master:13 - cgroup cgroup rw,cpuset

        """

    private func cores(_ files: [String: String]) -> Double? {
        CPUQuota.cores { files[$0] }
    }

    @Test(
        arguments: [
            ("max 100000\n", nil), ("50000 100000\n", 0.5), ("150000 100000\n", 1.5),
            ("200000 50000\n", 4), ("300000\n", 3), ("", nil), ("max\n", nil), ("0 100000\n", nil),
            ("-1 100000\n", nil), ("50000 0\n", nil), ("many 100000\n", nil), ("inf 1\n", nil),
        ] as [(String, Double?)])
    func theSecondVersion(_ text: String, _ expected: Double?) {
        let found = cores([
            "/proc/self/cgroup": "0::/system.slice/manyheads.service\n",
            "/proc/self/mountinfo": Self.unified,
            "/sys/fs/cgroup/system.slice/manyheads.service/cpu.max": text,
        ])
        #expect(found == expected)
    }

    // The innermost is without a limit, and the one around it is not.
    @Test func theSmallestOfNestedGroupsCounts() {
        var files = [
            "/proc/self/cgroup": "0::/a.slice/b.slice/c.service\n",
            "/proc/self/mountinfo": "1 0 0:1 / / rw - ext4 /dev/vda rw\n" + Self.unified,
            "/sys/fs/cgroup/a.slice/b.slice/c.service/cpu.max": "max 100000\n",
            "/sys/fs/cgroup/a.slice/b.slice/cpu.max": "250000 100000\n",
            "/sys/fs/cgroup/a.slice/cpu.max": "700000 100000\n",
        ]
        #expect(cores(files) == 2.5)
        // A container with a namespace of its own: its group is the root of what it sees.
        files["/sys/fs/cgroup/cpu.max"] = "100000 100000\n"
        #expect(cores(files) == 1)
        files["/proc/self/cgroup"] = "0::/\n"
        #expect(cores(files) == 1)
        // A group outside of what is mounted here.
        files["/proc/self/cgroup"] = "0::/../../other\n"
        #expect(cores(files) == 1)
    }

    @Test(
        arguments: [
            ("-1\n", "100000\n", nil), ("50000\n", "100000\n", 0.5), ("400000\n", "100000\n", 4),
            ("50000\n", "", nil),
        ] as [(String, String, Double?)])
    func theFirstVersion(_ quota: String, _ period: String, _ expected: Double?) {
        let groups = """
            12:cpuset:/docker/4f1d
            4:cpu,cpuacct:/docker/4f1d
            1:name=systemd:/docker/4f1d
            0::/system.slice/containerd.service

            """
        let found = cores([
            "/proc/self/cgroup": groups, "/proc/self/mountinfo": Self.separate,
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": quota,
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": period,
        ])
        #expect(found == expected)
    }

    // Both versions beside each other, processor time in the first; names with a space.
    @Test func aGroupInAGroupOfTheFirstVersion() {
        let files = [
            "/proc/self/cgroup": "1:cpu:/jobs of all/7\n0::/\n",
            "/proc/self/mountinfo": """
            40 30 0:33 / /sys/fs/my\\040groups/cpu rw,relatime - cgroup cgroup rw,cpu
            41 30 0:27 / /sys/fs/my\\040groups/unified rw,relatime - cgroup2 cgroup2 rw

            """,
            "/sys/fs/my groups/cpu/jobs of all/7/cpu.cfs_quota_us": "-1\n",
            "/sys/fs/my groups/cpu/jobs of all/7/cpu.cfs_period_us": "100000\n",
            "/sys/fs/my groups/cpu/jobs of all/cpu.cfs_quota_us": "320000\n",
            "/sys/fs/my groups/cpu/jobs of all/cpu.cfs_period_us": "100000\n",
        ]
        #expect(cores(files) == 3.2)
    }

    @Test func withoutGroupsNothingLimits() {
        #expect(cores([:]) == nil)
        #expect(cores(["/proc/self/cgroup": "", "/proc/self/mountinfo": "broken"]) == nil)
        #expect(
            cores(["/proc/self/cgroup": "0:\n:::\n", "/proc/self/mountinfo": Self.unified]) == nil)
    }

    @Test(
        arguments: [
            (8, nil, 8), (8, 0.5, 1), (8, 1, 1), (8, 1.5, 2), (8, 7.2, 8), (8, 64, 8), (2, 3, 2),
            (0, nil, 1), (1, 0.01, 1),
        ] as [(Int, Double?, Int)])
    func partOfACoreCountsAsOne(_ allowed: Int, _ quota: Double?, _ expected: Int) {
        #expect(Processor.coreCount(allowed: allowed, quota: quota) == expected)
    }

    @Test func thisMachineHasACore() {
        #expect(Processor.availableCoreCount >= 1)
    }
}
