import Synchronization

/// Work in parts of several connections, done by whichever thread has time.
final class HTTPWorkQueue: Sendable {
    /// A request's work, and the connection that waits for it.
    final class Job: Sendable {
        let connection: HTTPConnection
        let request: HTTPRequest
        let work: HTTPWork
        private let remaining: Atomic<Int>

        init(_ connection: HTTPConnection, _ request: HTTPRequest, _ work: HTTPWork) {
            self.connection = connection
            self.request = request
            self.work = work
            remaining = Atomic(work.partCount)
        }

        /// Does a part, and says whether it was the last one to end.
        func perform(_ part: Int) -> Bool {
            work.part(part)
            // Orders what all parts wrote before what `finish` reads.
            return remaining.subtract(1, ordering: .acquiringAndReleasing).newValue == 0
        }
    }

    /// Jobs with parts that nobody has begun, and the number of the next one.
    private let jobs = Mutex<[(job: Job, next: Int)]>([])

    /// Whether a part waits.
    var isEmpty: Bool { jobs.withLock(\.isEmpty) }

    /// Adds a job.
    func append(_ job: Job) {
        jobs.withLock { $0.append((job, 0)) }
    }

    /// The next part of the job that has waited longest; jobs take turns.
    ///
    /// - Returns: the part, and whether others wait.
    func next() -> (job: Job, part: Int, isLast: Bool)? {
        jobs.withLock { jobs in
            guard !jobs.isEmpty else { return nil }
            let (job, part) = jobs.removeFirst()
            if part + 1 < job.work.partCount { jobs.append((job, part + 1)) }
            return (job, part, jobs.isEmpty)
        }
    }
}
