import CoordinatorNetwork
import Formats
import Heads
import Journal
import Scheduling
import Sessions
import Synchronization
import System
import WireProtocol

/// What the products of a job are kept under: never a position.
enum WorkNaming: Sendable {
    case heads(@Sendable (WorkID) -> HeadKey)
    case outcomes(@Sendable (WorkID) -> String)
}

/// Commits to the journal on a thread of its own, so that nobody waits for the disk.
///
/// Whatever comes while a commit is under way goes into the next one: under load one transaction
/// holds many results.
final class JournalWriter: ProductStore {
    typealias Completion = @Sendable (Result<Void, FormatError>) -> Void

    private struct State {
        var entries = JournalEntries()
        var completions: [Completion] = []
        var isWriting = false
        var failure: FormatError?
    }

    private let journal: RunJournal
    private let naming: WorkNaming?
    private let timeline: TimelineFile?
    private let thread: ThreadExecutor
    private let state = Mutex(State())

    /// - Parameters:
    ///   - naming: what work is kept under; nil where no products are stored.
    ///   - timeline: gets events as well, once the journal has them or has failed.
    /// - Throws: `unavailable` where the system has no thread left.
    init(
        _ journal: RunJournal, naming: WorkNaming? = nil, timeline: TimelineFile? = nil
    ) throws(RunError) {
        thread = try ThreadExecutor(name: "journal")
        self.journal = journal
        self.naming = naming
        self.timeline = timeline
    }

    /// What the outcome of a task is kept under; nil where work is heads.
    func outcomeName(of id: WorkID) -> String? {
        if case .outcomes(let name)? = naming { name(id) } else { nil }
    }

    /// Writes entries behind all earlier ones, soon.
    ///
    /// - Parameter completion: called on the journal's thread when they are on the disk, or cannot
    ///   be: then nothing is written any more.
    func append(_ entries: JournalEntries, _ completion: @escaping Completion = { _ in }) {
        let begins = state.withLock { state in
            state.entries.append(entries)
            state.completions.append(completion)
            defer { state.isWriting = true }
            return !state.isWriting
        }
        // Unstructured: nobody waits for it but finish().
        if begins { Task(executorPreference: thread) { self.drain() } }
    }

    private func drain() {
        while true {
            let next = state.withLock { state -> (JournalEntries, [Completion], FormatError?)? in
                guard !state.completions.isEmpty else {
                    state.isWriting = false
                    return nil
                }
                defer { (state.entries, state.completions) = (JournalEntries(), []) }
                return (state.entries, state.completions, state.failure)
            }
            guard let (entries, completions, failure) = next else { return }
            let result = Result { () throws(FormatError) in
                if let failure { throw failure }
                try journal.commit(entries)
            }
            if case .failure(let error) = result { state.withLock { $0.failure = error } }
            for completion in completions { completion(result) }
        }
    }

    func store(
        _ batch: HeadBatch, _ completion: @escaping @Sendable (Result<Void, any Error>) -> Void
    ) {
        append(batch.entries(naming)) { completion($0.mapError { $0 }) }
    }

    func record(_ events: [RunEvent]) {
        append(JournalEntries(events)) { [timeline] _ in timeline?.append(events) }
    }

    /// - Throws: why something could not be written, if so.
    func check() throws(FormatError) {
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    /// Ends the thread once all is on the disk.
    ///
    /// - Throws: why something could not be written, if so.
    func finish() async throws(FormatError) {
        await thread.shutdown()
        try check()
    }
}
