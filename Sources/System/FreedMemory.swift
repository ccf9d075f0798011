import CLinux
import Glibc

/// Memory that the program has freed and the allocator keeps for later.
package enum FreedMemory {
    /// Gives it back to the system: after a phase that took much more than those to come.
    package static func release() {
        // Says whether there was any.
        _ = malloc_trim(0)
    }
}

/// Addresses that the allocator takes in advance.
enum ReservedMemory {
    private static let arenaCountMax: Int32 = 2

    /// Has it take few where addresses are limited (`ulimit -v`).
    ///
    /// It takes 64 MiB for each thread that finds the others' busy, on a loaded machine many: what was
    /// checked at the start would not hold. Before the first thread starts.
    static func limitIfNeeded() {
        guard SystemLimit.limit(RLIMIT_AS) != nil else { return }
        // Says whether the setting is known.
        _ = mallopt(M_ARENA_MAX, arenaCountMax)
    }
}
