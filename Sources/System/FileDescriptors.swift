import Glibc

/// How many files and connections this process may have open.
package enum FileDescriptors {
    /// More than any job needs; a process with millions of them is asked for trouble.
    private static let countMax: rlim_t = 65_536

    /// Raises the limit as far as the system allows without asking, and returns it.
    ///
    /// Shells start programs with 1,024, which a coordinator of some hundred workers outgrows.
    @discardableResult
    package static func raiseLimit() -> Int {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard unsafe getrlimit(resource, &limit) == 0 else { return 1_024 }
        let wanted = min(limit.rlim_max, countMax)
        if limit.rlim_cur < wanted {
            let former = limit.rlim_cur
            limit.rlim_cur = wanted
            if unsafe setrlimit(resource, &limit) != 0 { limit.rlim_cur = former }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
