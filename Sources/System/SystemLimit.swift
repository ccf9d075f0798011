import Glibc

/// What the system lets this process have, asked before it is needed, and the sentence when it is too
/// little.
///
/// Libraries do not take such a refusal well: libzmq, libgomp and Foundation end the program, and
/// Dispatch waits for ever for a thread. So programs ask first, for all that they are about to need.
package enum SystemLimit {
    /// More files than any job needs; a process with millions of them invites trouble.
    private static let descriptorCountMax: rlim_t = 65_536
    /// As for a thread that only waits.
    private static let stackByteCount = 65_536
    /// What a thread of any program or library may need.
    private static let stackByteCountMin = 512 << 10
    /// More threads than this are not tried out.
    private static let triedThreadCountMax = 1_024

    /// Why a call failed, as one sentence that names the limit behind it, if there is one.
    ///
    /// - Parameters:
    ///   - what: what cannot be done, as in "make a pipe".
    ///   - errorNumber: of the call that failed.
    package static func failure(_ what: String, _ errorNumber: Int32) -> RunError {
        RunError(
            .unavailable, "cannot \(what): \(ErrorNumber.words(errorNumber))\(ending(errorNumber))")
    }

    /// What follows a sentence about an error number: a semicolon and ``cure(_:)``, or nothing.
    package static func ending(_ errorNumber: Int32) -> String {
        cure(errorNumber).map { "; \($0)" } ?? ""
    }

    /// What to do about an error number that tells of a limit; nil for any other.
    package static func cure(_ errorNumber: Int32) -> String? {
        switch errorNumber {
        case EMFILE:
            let limit = limit(RLIMIT_NOFILE).map { " is \($0)" } ?? ""
            return
                "raise the limit of open files (ulimit -n\(limit); LimitNOFILE= of a service)"
        case ENFILE: return "raise the system's limit of open files (sysctl fs.file-max)"
        case EAGAIN: return threadCure
        case ENOMEM:
            let limits = [(RLIMIT_AS, "ulimit -v"), (RLIMIT_DATA, "ulimit -d")].compactMap {
                (resource, name) in limit(resource).map { "\(name) is \($0 / 1_024)" }
            }
            return limits.isEmpty
                ? "free memory, or take a machine with more"
                : "raise the limit of memory (\(limits.joined(separator: ", ")))"
        default: return nil
        }
    }

    private static var threadCure: String {
        // The superuser is not held to it.
        let limit = geteuid() == 0 ? nil : limit(__RLIMIT_NPROC).map { " is \($0)" }
        return
            "raise the limit of processes and threads (ulimit -u\(limit ?? ""); TasksMax= of a service, --pids-limit of a container), or take fewer --threads and --workers"
    }

    /// Raises the limit of open files as far as the system allows without asking, and returns it.
    ///
    /// Shells start programs with 1,024, which a coordinator of some hundred workers outgrows.
    @discardableResult
    package static func raiseDescriptorLimit() -> Int {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard unsafe getrlimit(resource, &limit) == 0 else { return 1_024 }
        let wanted = min(limit.rlim_max, descriptorCountMax)
        if limit.rlim_cur < wanted {
            let former = limit.rlim_cur
            limit.rlim_cur = wanted
            if unsafe setrlimit(resource, &limit) != 0 { limit.rlim_cur = former }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Checks that so many more files and connections can be opened.
    ///
    /// - Throws: `unavailable` with one sentence that names the limit.
    package static func checkDescriptors(_ count: Int) throws(RunError) {
        let limit = raiseDescriptorLimit()
        let (wanted, isTooMany) = count.addingReportingOverflow(openDescriptorCount(below: limit))
        guard isTooMany || wanted > limit else { return }
        throw RunError(
            .unavailable,
            "this needs up to \(wanted) open files and connections, and this process may have \(limit): raise the limit (ulimit -n; LimitNOFILE= of a service)"
        )
    }

    /// Checks that so many more threads can be started, by starting them.
    ///
    /// - Throws: `unavailable` with one sentence that names the limit.
    package static func checkThreads(_ count: Int) throws(RunError) {
        let count = min(count, triedThreadCountMax)
        var gate = pthread_rwlock_t()
        unsafe pthread_rwlock_init(&gate, nil)
        unsafe pthread_rwlock_wrlock(&gate)
        // Not a variable: whose initialiser that is depends on which module brings the type first.
        let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
        defer { unsafe attributes.deallocate() }
        unsafe pthread_attr_init(attributes)
        unsafe pthread_attr_setstacksize(attributes, stackByteCount)
        var threads: [pthread_t] = []
        var status: Int32 = 0
        unsafe withUnsafeMutablePointer(to: &gate) { gate in
            while threads.count < count, status == 0 {
                var thread = pthread_t()
                status = unsafe pthread_create(
                    &thread, attributes,
                    { gate in
                        // Until all are there.
                        let gate = unsafe gate?.assumingMemoryBound(to: pthread_rwlock_t.self)
                        if let gate = unsafe gate {
                            unsafe pthread_rwlock_rdlock(gate)
                            unsafe pthread_rwlock_unlock(gate)
                        }
                        return nil
                    }, gate)
                if status == 0 { threads.append(thread) }
            }
            unsafe pthread_rwlock_unlock(gate)
            for thread in threads { _ = pthread_join(thread, nil) }
        }
        unsafe pthread_attr_destroy(attributes)
        unsafe pthread_rwlock_destroy(&gate)
        guard status != 0 else { return }
        throw RunError(
            .unavailable,
            "this needs up to \(count) more threads, and the system lets this process start \(threads.count): \(threadCure)"
        )
    }

    /// Checks that so much more memory can be had, where a limit is set.
    ///
    /// - Parameters:
    ///   - byteCount: what will be written to.
    ///   - reserved: addresses besides, as the allocator takes them in advance and never uses all.
    /// - Throws: `unavailable` with one sentence that names the limit.
    package static func checkMemory(_ byteCount: Int, reserved: Int = 0) throws(RunError) {
        for (resource, name, field, reserved) in [
            (RLIMIT_AS, "ulimit -v", "VmSize:", reserved), (RLIMIT_DATA, "ulimit -d", "VmData:", 0),
        ] {
            guard let limit = limit(resource), let used = ProcessMemory.byteCount(field) else {
                continue
            }
            let (sum, isTooMuch) = byteCount.addingReportingOverflow(used + reserved)
            guard isTooMuch || sum > limit else { continue }
            throw RunError(
                .unavailable,
                "this needs about \(sum >> 20) MiB of memory, and this process may have \(limit >> 20) MiB (\(name) is \(limit / 1_024)): raise the limit"
            )
        }
    }

    /// Checks that threads get stacks that are deep enough.
    ///
    /// - Throws: `unavailable` with one sentence that names the limit.
    package static func checkStacks() throws(RunError) {
        guard let limit = limit(RLIMIT_STACK), limit < stackByteCountMin else { return }
        throw RunError(
            .unavailable,
            "this needs stacks of \(stackByteCountMin >> 10) KiB, and threads get \(limit >> 10): raise the limit (ulimit -s)"
        )
    }

    /// The limit in force; nil where there is none.
    static func limit(_ resource: __rlimit_resource) -> Int? {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0,
            limit.rlim_cur != rlim_t.max
        else { return nil }
        return Int(clamping: limit.rlim_cur)
    }

    /// How many descriptors are open; 0 where the system does not tell.
    private static func openDescriptorCount(below limit: Int) -> Int {
        guard let folder = unsafe opendir("/proc/self/fd") else { return 0 }
        defer { unsafe closedir(folder) }
        var count = 0
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            // What was inherited with a higher number takes no place of those below the limit.
            if let number = Int(name), number < limit { count += 1 }
        }
        // Without the one that reads.
        return max(0, count - 1)
    }
}
