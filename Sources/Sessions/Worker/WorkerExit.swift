/// How a worker ended.
package enum WorkerExit: Hashable, Sendable {
    /// The run is complete, or the worker was drained: exit status 0.
    case done
    /// Its parent is gone: exit status 0, nobody is left to tell.
    case orphaned
    /// Ended by a second signal with work unfinished: exit status 128 and the signal's number.
    case stopped(signal: Int32)
    /// The coordinator will not have this worker: exit status 69.
    case refused(String)
}
