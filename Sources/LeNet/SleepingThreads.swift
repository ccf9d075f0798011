import Glibc

/// How libgomp's threads wait for each other.
package enum SleepingThreads {
    /// The variables by which a user chooses; any of them set is left alone.
    private static let choices = ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"]

    /// Restarts this program, once, so that libgomp's threads sleep while they wait.
    ///
    /// By default they spin for milliseconds after each parallel region, and so steal the
    /// processor from those they wait for: next to one other busy process a training step was
    /// measured to take three times as long. The only switch is `OMP_WAIT_POLICY=passive`, which
    /// libgomp reads while it is being loaded, before any code of ours; hence the restart. It
    /// keeps process number, arguments and open files. Programs that train a backbone call this
    /// first of all in `main`, while there is a single thread. Programs started later inherit the
    /// choice.
    ///
    /// Returns, having done nothing, if the user or an earlier call has chosen; and where the
    /// program cannot be started again, since slow is better than not at all.
    package static func restartIfNeeded() {
        for name in choices where unsafe getenv(name) != nil { return }
        var path = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let length = unsafe readlink("/proc/self/exe", &path, path.count - 1)
        guard length > 0, unsafe setenv("OMP_WAIT_POLICY", "passive", 0) == 0 else { return }
        _ = unsafe execv(path, CommandLine.unsafeArgv)
    }
}
