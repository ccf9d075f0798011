import CLinux

/// Memory that the program has freed and the allocator keeps for later.
package enum FreedMemory {
    /// Gives it back to the system: after a phase that took much more than those to come.
    package static func release() {
        // Says whether there was any.
        _ = malloc_trim(0)
    }
}
