/// The number of a piece of work within a job: its position there, which nothing outside this process
/// ever sees.
package struct WorkID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Position in the job, from 0.
    package let rawValue: UInt32

    /// The work at a position of the job.
    package init(_ rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static func < (left: WorkID, right: WorkID) -> Bool {
        left.rawValue < right.rawValue
    }

    package var description: String { "work \(rawValue)" }
}
