package import Scheduling

/// Who is told how a session goes: a terminal, a log, a page.
///
/// Called from the network thread, which waits meanwhile.
package protocol SessionObserver: Sendable {
    /// A line of log.
    func log(_ level: LogLevel, _ text: String)
    /// How far the work is, some times a second.
    func observe(_ progress: HeadsProgress)
}
