package import Formats
package import Heads
package import Transfer

/// The backbone as it was after an epoch: all that going on from there takes.
package struct BackboneRecord: Sendable, Equatable {
    /// Epochs that are done.
    package var epochCount: Int
    /// Weights and Adadelta's averages under names of the writer's; floats only.
    package var tensors: [NamedTensor]

    /// A backbone after so many epochs.
    package init(epochCount: Int, tensors: [NamedTensor]) {
        self.epochCount = epochCount
        self.tensors = tensors
    }
}

/// The features that heads are trained on, by their hashes.
package struct FeatureRecord: Sendable, Equatable {
    /// SHA-256 of all features, training and test, in hexadecimal.
    package var digest: String
    /// What they were computed with, for people: their bits may depend on it.
    package var origin: String
    /// The training features as workers get them.
    package var manifest: ChunkManifest

    /// Features of this manifest.
    package init(digest: String, origin: String, manifest: ChunkManifest) {
        self.digest = digest
        self.origin = origin
        self.manifest = manifest
    }
}

/// Heads that were accepted together, from whom and when.
package struct HeadRecord: Sendable, Equatable {
    /// What was learned.
    package var block: HeadBlock
    /// The name of the worker that trained them.
    package var worker: String
    /// The machine of that worker.
    package var host: String
    /// Seconds since 1970 began.
    package var time: Double

    /// Heads and where they are from.
    package init(block: HeadBlock, worker: String, host: String, time: Double) {
        self.block = block
        self.worker = worker
        self.host = host
        self.time = time
    }

    /// The record without some heads; nil if none are left.
    func removing(_ gone: Set<HeadKey>) -> HeadRecord? {
        block.removing(gone).map {
            HeadRecord(block: $0, worker: worker, host: host, time: time)
        }
    }
}

/// Something that happened in a run.
package struct JournalEvent: Sendable, Equatable {
    /// Since the coordinator started.
    package var seconds: Double
    /// What kind of thing, as in `started`.
    package var kind: String
    /// The rest of it: a JSON object.
    package var payload: [String: JSONValue]

    /// An event at a time.
    package init(seconds: Double, kind: String, payload: [String: JSONValue] = [:]) {
        self.seconds = seconds
        self.kind = kind
        self.payload = payload
    }
}

extension JournalEvent {
    /// The first event of every start of the run.
    package static let startedKind = "started"
    /// How long the phases of this start have taken, as the payload says.
    package static let timingKind = "timing"
}

/// One start of a run, as far as its events came to the disk.
package struct JournalStart: Sendable, Equatable {
    /// The last of its events that says how long phases took; nil before the first.
    package var timing: JournalEvent?
    /// When its last event was, in seconds since it began: so long it ran, or little longer.
    package var seconds: Double

    /// A start of these times.
    package init(timing: JournalEvent? = nil, seconds: Double) {
        self.timing = timing
        self.seconds = seconds
    }
}

/// How far a run has come.
package struct JournalProgress: Sendable, Hashable {
    /// Epochs of the backbone.
    package var epochCount: Int
    /// Heads, or outcomes of whole networks.
    package var headCount: Int

    /// So many epochs and heads.
    package init(epochCount: Int, headCount: Int) {
        self.epochCount = epochCount
        self.headCount = headCount
    }
}

/// What one transaction adds to the journal.
package struct JournalEntries: Sendable, Equatable {
    /// Takes the place of the backbone that is there.
    package var backbone: BackboneRecord?
    /// Takes the place of the manifest that is there.
    package var features: FeatureRecord?
    /// Heads to be forgotten, before others are written.
    package var withdrawn: [HeadKey] = []
    /// None of these heads is there.
    package var heads: [HeadRecord] = []
    /// Outcomes to be forgotten, before others are written.
    package var withdrawnOutcomes: [String] = []
    /// Of a run of whole networks; each takes the place of the one that is there.
    package var outcomes: [StudyRecord] = []
    /// In order.
    package var events: [JournalEvent] = []

    /// Nothing yet.
    package init() {}

    /// Whether there is nothing to write.
    package var isEmpty: Bool {
        backbone == nil && features == nil && withdrawn.isEmpty && heads.isEmpty
            && withdrawnOutcomes.isEmpty && outcomes.isEmpty && events.isEmpty
    }

    /// Takes in what is to be written later: of two backbones the later one is enough.
    package mutating func append(_ later: JournalEntries) {
        backbone = later.backbone ?? backbone
        features = later.features ?? features
        if !later.withdrawn.isEmpty {
            let gone = Set(later.withdrawn)
            heads = heads.compactMap { $0.removing(gone) }
            withdrawn += later.withdrawn
        }
        heads += later.heads
        if !later.withdrawnOutcomes.isEmpty {
            outcomes.removeAll { later.withdrawnOutcomes.contains($0.unit) }
            withdrawnOutcomes += later.withdrawnOutcomes
        }
        outcomes += later.outcomes
        events += later.events
    }
}
