import Foundation
import HeadTraining
import Journal
import RunFolder
import Sessions
import System

extension RunResults.WorkerSummary {
    /// As results.json has what a worker was and did.
    init(_ report: WorkerReport) {
        self.init(
            name: report.name, host: report.host, isa: report.isa, threads: report.threadCount,
            heads: report.headCount, busySeconds: report.busySeconds,
            peakRSSBytes: report.peakRSSByteCount, bytesReceived: report.receivedByteCount)
    }
}

extension RunResults.CoordinatorSummary {
    /// This machine, with so many threads.
    static func here(threads: Int) -> Self {
        Self(
            host: ProcessInfo.processInfo.hostName, processor: Processor.modelName,
            isa: KernelVariant.supported.last?.name ?? "", threads: threads)
    }
}

extension StudyRecord {
    /// An outcome as a journal keeps it.
    ///
    /// - Parameters:
    ///   - unit: the words that are its key.
    ///   - now: when it came, in seconds since 1970.
    init(_ outcome: AcceptedOutcome, of unit: String, at now: Double) {
        self.init(
            unit: unit, payload: outcome.bytes, worker: outcome.worker, host: outcome.host,
            time: now - outcome.busySeconds, seconds: outcome.busySeconds)
    }
}
