package import Heads
package import Numerics
package import Scheduling
package import WireProtocol

/// What the head phase brought, or a job of tasks, of which all that is said of heads is true as well.
package struct CollectedHeads: Sendable {
    /// In the order of the work, as kept to compare others with; nil for what was given up.
    package var products: [Product?]
    /// What was given up, ascending.
    package var givenUp: [WorkID] = []
    /// What the last worker said that tried and could not, by what it tried alone.
    package var reasons: [WorkID: String] = [:]
    /// Of tasks, who did which when.
    package var spans: [TaskSpan] = []
    /// Heads that were given up because workers died of them.
    package var quarantined: [HeadKey] = []
    /// Heads of `heads` that an earlier start of the run had.
    package var resumedCount = 0
    /// Heads that came once more and were compared with the first.
    package var duplicatedCount = 0
    /// Results and messages that failed a check.
    package var rejectedCount = 0
    /// Duplicates whose bytes differed: some machine computes wrongly.
    package var mismatchCount = 0
    /// Heads that a second process trained with the same bytes.
    package var checkedCount = 0
    /// Heads whose check was given up, because workers died of it.
    package var uncheckedCount = 0
    /// Heads that this machine trained itself to compare.
    package var refereedCount = 0
    /// Why no head can be trusted, if so.
    package var contradiction: String?
    /// What that is about.
    package var contradicted: WorkID?
    /// Operations of all heads that were not resumed, by the textbook's count.
    package var totalFlops = 0.0
    /// From the first feature out until all who were there had them all.
    package var broadcastSeconds = 0.0
    /// From the first lease until the last head is on disk.
    package var headSeconds = 0.0
    /// Bytes of leases, results and signs of life from the first lease on, the heads' weights apart.
    package var controlByteCount = 0
    /// Who was kept out; nil in a run without encryption.
    package var refusals: Refusals?
    /// When the features were there.
    package var servedAt: Instant?
    /// In order of joining, gone ones included; a process that came back has one line.
    package var workers: [WorkerReport] = []
    /// What happened, from the first hello to the end.
    package var timeline = RunTimeline()

    /// In the plan's order; nil for a head that was given up.
    package var heads: [Head?] {
        products.map { if case .head(let head) = $0 { head } else { nil } }
    }
}

extension CollectedHeads {
    /// The part of the broadcast before the first lease; the rest passes while heads train.
    package var broadcastSecondsBeforeHeads: Double {
        guard let servedAt, let leasedAt = workers.compactMap(\.leasedAt).min() else {
            return broadcastSeconds
        }
        return min(broadcastSeconds, leasedAt.seconds(since: servedAt))
    }

    /// Most given-up heads that a message names.
    private static let namedCountMax = 8

    /// One sentence that names the heads given up; nil if every head is there.
    ///
    /// - Parameter consequence: what becomes of the schemes that ask them, as a clause.
    package func incompleteness(consequence: String) -> String? {
        guard !quarantined.isEmpty else { return nil }
        let reason = givenUp.first.flatMap { reasons[$0] } ?? "three workers died of each"
        let names = quarantined.prefix(Self.namedCountMax).map(\.description)
        let rest = quarantined.count - names.count
        return
            "\(quarantined.count == 1 ? "a head was" : quarantined.count.counted("head") + " were") given up because \(reason): \(names.joined(separator: ", "))\(rest > 0 ? " and \(rest) more" : ""); \(consequence), and all others are kept: remove the cause, and start the same run again"
    }
}
