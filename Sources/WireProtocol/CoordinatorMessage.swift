package import Heads
package import Transfer

/// What the coordinator tells a worker.
package enum CoordinatorMessage: Equatable, Sendable {
    /// The answer to hello.
    case welcome(Welcome)
    /// The other answer to hello, and to anything from a worker that is not welcome.
    case refused(Refused)
    /// What to train on.
    case features(FeatureDescription)
    /// What to work on in a job of tasks, in the place of features.
    case materials(MaterialDescription)
    /// Every chunk has been broadcast: what is missing has to be requested.
    case broadcastComplete
    /// One chunk, broadcast or requested.
    case chunk(FeatureChunk)
    case assign(BundleAssignment)
    /// A bundle is no longer wanted from this worker.
    ///
    /// A worker that is training it goes on if it may finish. Answered with the result, or declined.
    case revoke(bundle: UInt64, attempt: UInt32, mayFinish: Bool)
    /// The answer to a result, which the worker need not keep any longer: its heads are on the
    /// coordinator's disk, or it was of no use.
    case acknowledge(bundle: UInt64, attempt: UInt32)
    case finished(Outcome)
    /// The answer to a worker's heartbeat of that incarnation.
    case heartbeat(incarnation: UInt64)

    /// How a run ended.
    package enum Outcome: Hashable, Sendable {
        case complete
        case aborted(reason: String)
    }
}

/// How the coordinator takes a worker in.
package struct Welcome: Hashable, Sendable {
    /// 16 bytes; ``WireProtocol/featureTopic(runID:)`` is made of it.
    package var runID: [UInt8]
    /// How the coordinator names the worker.
    package var workerNumber: UInt64
    /// The interval of heartbeats; three without a message are a death.
    package var heartbeatMilliseconds: Int
    /// TCP port of the broadcast, on the host of the control endpoint.
    package var featurePort: UInt16
    /// Whether the features are described at once; else when the backbone is trained.
    package var featuresReady: Bool

    /// Bytes of a run's identifier.
    package static let runIDByteCount = 16

    /// A welcome of these fields.
    package init(
        runID: [UInt8], workerNumber: UInt64, heartbeatMilliseconds: Int, featurePort: UInt16,
        featuresReady: Bool
    ) {
        self.runID = runID
        self.workerNumber = workerNumber
        self.heartbeatMilliseconds = heartbeatMilliseconds
        self.featurePort = featurePort
        self.featuresReady = featuresReady
    }
}

/// Why a worker is not taken, or no longer.
///
/// The one message that is read whatever the protocol version of its sender.
package struct Refused: Hashable, Sendable {
    /// What the worker is to do.
    package enum Code: String, Sendable, CaseIterable {
        /// Exit: the programs are of different releases.
        case versionMismatch
        /// Say hello again: the coordinator restarted, or gave the worker up.
        case unknownWorker
        /// Nothing; a message broke the protocol and was dropped.
        case malformed
        /// Exit: no more workers are taken.
        case notAccepting
        /// Exit: a reason this version has no name for.
        case other
    }

    /// What the worker is to do.
    package var code: Code
    /// Why, for people.
    package var message: String
    /// The version the coordinator speaks.
    package var wantedVersion: UInt32

    /// A refusal of these fields.
    package init(
        code: Code, message: String, wantedVersion: UInt32 = WireProtocol.version
    ) {
        self.code = code
        self.message = message
        self.wantedVersion = wantedVersion
    }
}

/// The features of a run and how heads are trained on them.
///
/// Decoding checks each chunk against the shape; that they cover every row exactly once is for
/// whoever assembles them to check.
package struct FeatureDescription: Equatable, Sendable {
    /// The rows, and the chunks they come in.
    package var manifest: ChunkManifest
    /// How every head of the run is trained.
    package var training: Training
    /// True if the broadcast is over: what is missing has to be requested.
    package var broadcastComplete: Bool
    /// The backbone's output layer over all classes; exactly with initialisation `derived`.
    package var derivedHead: Head?

    /// A description of these fields; traps on a manifest of materials.
    package init(
        manifest: ChunkManifest, training: Training, broadcastComplete: Bool,
        derivedHead: Head? = nil
    ) {
        precondition(manifest.features != nil)
        self.manifest = manifest
        self.training = training
        self.broadcastComplete = broadcastComplete
        self.derivedHead = derivedHead
    }
}

/// What the tasks of a job work on.
package struct MaterialDescription: Hashable, Sendable {
    /// The materials, and the chunks they come in.
    package var manifest: ChunkManifest
    /// True if the broadcast is over: what is missing has to be requested.
    package var broadcastComplete: Bool

    /// A description of these fields; traps on a manifest of features.
    package init(manifest: ChunkManifest, broadcastComplete: Bool) {
        precondition(manifest.features == nil)
        self.manifest = manifest
        self.broadcastComplete = broadcastComplete
    }
}

/// The rows of one chunk.
package struct FeatureChunk: Hashable, Sendable {
    /// Position in the manifest.
    package var index: Int
    /// Rows, float32 little-endian, or their code without zeros.
    package var bytes: [UInt8]

    /// A chunk of these bytes.
    package init(index: Int, bytes: [UInt8]) {
        self.index = index
        self.bytes = bytes
    }

    /// The envelope alone, for a sender whose rows follow as a frame of their own, uncopied.
    package static func envelope(index: Int) -> [UInt8] {
        var envelope = ProtoEnvelope()
        envelope.chunk.index = UInt32(clamping: index)
        return envelope.frame()
    }

    /// Reads the envelope alone, for a receiver that leaves the rows behind it where they are.
    ///
    /// - Parameter byteCount: bytes of the frame behind the envelope.
    /// - Returns: the chunk's position; nil if the message is of another kind.
    /// - Throws: ``WireError`` for what ``CoordinatorMessage/decode(_:_:)`` would refuse.
    package static func index(
        ofEnvelope envelope: [UInt8], followedBy byteCount: Int, _ limits: WireLimits = WireLimits()
    ) throws(WireError) -> Int? {
        guard case .chunk(let wire) = try ProtoEnvelope([envelope], limits).body else {
            return nil
        }
        return try index(wire, byteCount: byteCount, limits)
    }
}

/// A bundle of heads for a worker to train, or a task.
package struct BundleAssignment: Hashable, Sendable {
    /// What a bundle is made of.
    package enum Content: Hashable, Sendable {
        /// No head twice.
        case heads([HeadKey])
        /// A task in a language of the programs at both ends; at most
        /// ``WireLimits/taskDescriptionByteCountMax`` bytes.
        case task([UInt8])
    }

    /// The lease's bundle, repeated in the result.
    package var bundle: UInt64
    /// Which try of the bundle it is, repeated in the result.
    package var attempt: UInt32
    /// What to do.
    package var content: Content

    /// An assignment of this content.
    package init(bundle: UInt64, attempt: UInt32, content: Content) {
        self.bundle = bundle
        self.attempt = attempt
        self.content = content
    }

    /// The heads to train; none of a task.
    package var heads: [HeadKey] {
        if case .heads(let heads) = content { heads } else { [] }
    }
}
