package import FeatureStore

/// Does the tasks of one job, whatever those are.
///
/// Called from all compute threads at once.
package protocol TaskRunner: Sendable {
    /// Does a task and says what came of it.
    ///
    /// The same description must give the same bytes, wherever and however often it is done: the same
    /// task may be done twice, and the two are compared. No times of day, durations or names, then.
    ///
    /// - Parameter isCancelled: nobody wants the outcome any more; to be looked at a few times a
    ///   second, as by then the thread is needed for something else. Throw anything.
    /// - Throws: why it cannot be done, in one sentence; the task is tried elsewhere, and given up
    ///   after the third time.
    func run(_ description: [UInt8], isCancelled: () -> Bool) throws -> [UInt8]
}

/// Makes the runner of a job out of what its tasks work on.
///
/// Called once a job, on a compute thread, before its first task. An error ends the worker with its text.
package typealias TaskPreparation = @Sendable (_ materials: Materials) throws -> any TaskRunner
