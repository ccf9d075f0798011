import Heads
import Numerics
import Transfer

extension CoordinatorMessage {
    /// The message as frames: an envelope, and for a chunk, a manifest or a derived start more.
    ///
    /// What grows with a run, its description above all, may be more than a receiver takes:
    /// ``checkedFrames(_:)`` says so before it is sent.
    package func encode(_ limits: WireLimits = WireLimits()) -> [[UInt8]] {
        var envelope = ProtoEnvelope()
        var payload: [[UInt8]] = []
        switch self {
        case .welcome(let welcome): envelope.welcome = welcome.wire
        case .refused(let refused): envelope.refused = refused.wire(limits)
        case .features(let features):
            envelope.features = features.wire
            payload = ManifestPages.encode(features.manifest.chunks)
            if let head = features.derivedHead {
                payload += TensorFrame.encode(
                    HeadBlock.runs(of: [head]), byteCountMax: limits.frameByteCountMax)
            }
        case .materials(let materials):
            envelope.materials = materials.wire
            payload = ManifestPages.encode(materials.manifest.chunks)
        case .broadcastComplete: envelope.broadcastComplete = ProtoBroadcastComplete()
        case .chunk(let chunk): return [FeatureChunk.envelope(index: chunk.index), chunk.bytes]
        case .assign(let assignment):
            envelope.assign.bundle = assignment.bundle
            envelope.assign.attempt = assignment.attempt
            switch assignment.content {
            case .heads(let heads): envelope.assign.heads = heads.map(\.wire)
            case .task(let description):
                envelope.assign.isTask = true
                envelope.assign.taskBytes = description
            }
        case .revoke(let bundle, let attempt, let mayFinish):
            envelope.revoke.bundle = bundle
            envelope.revoke.attempt = attempt
            envelope.revoke.mayFinish = mayFinish
        case .acknowledge(let bundle, let attempt):
            envelope.acknowledge.bundle = bundle
            envelope.acknowledge.attempt = attempt
        case .finished(.complete): envelope.finished.isComplete = true
        case .finished(.aborted(let reason)):
            envelope.finished.isComplete = false
            envelope.finished.abortReason = reason.truncated(
                toByteCount: limits.reasonByteCountMax)
        case .heartbeat(let incarnation): envelope.coordinatorHeartbeat.incarnation = incarnation
        }
        return [envelope.frame()] + payload
    }

    /// Checks that every receiver takes the message: limits hold on sending too.
    ///
    /// - Returns: the frames, as ``encode(_:)`` makes them.
    /// - Throws: ``WireError`` of code `overLimit` or what else a receiver would say.
    package func checkedFrames(_ limits: WireLimits = WireLimits()) throws(WireError) -> [[UInt8]] {
        let frames = encode(limits)
        _ = try Self.decode(frames, limits)
        return frames
    }

    /// Reads what the coordinator sent; of a broadcast, without the topic.
    ///
    /// - Throws: ``WireError`` for anything but a whole, valid message of this version. `refused`
    ///   is read whatever its version.
    package static func decode(
        _ frames: [[UInt8]], _ limits: WireLimits = WireLimits()
    ) throws(WireError) -> CoordinatorMessage {
        let envelope = try ProtoEnvelope(frames, limits)
        let payload = Payload(frames)
        let message: CoordinatorMessage
        switch envelope.body {
        case .features(let wire):
            return .features(try FeatureDescription(wire, payload, limits))
        case .chunk(let wire): return .chunk(try FeatureChunk(wire, payload.one(), limits))
        case .materials(let wire):
            return .materials(try MaterialDescription(wire, payload, limits))
        case .welcome(let wire): message = .welcome(try Welcome(wire))
        case .refused(let wire): message = .refused(try Refused(wire, limits))
        case .broadcastComplete: message = .broadcastComplete
        case .assign(let wire):
            message = .assign(
                BundleAssignment(
                    bundle: wire.bundle, attempt: wire.attempt,
                    content: try BundleAssignment.Content(wire, limits)))
        case .revoke(let wire):
            message = .revoke(
                bundle: wire.bundle, attempt: wire.attempt, mayFinish: wire.mayFinish)
        case .acknowledge(let wire):
            message = .acknowledge(bundle: wire.bundle, attempt: wire.attempt)
        case .finished(let wire): message = .finished(try Outcome(wire, limits))
        case .coordinatorHeartbeat(let wire): message = .heartbeat(incarnation: wire.incarnation)
        case nil: throw .unknownBody("its body is missing or of a kind not known here")
        default: throw .unknownBody("a coordinator does not send this")
        }
        try payload.none()
        return message
    }
}

extension BundleAssignment.Content {
    fileprivate init(_ wire: ProtoAssign, _ limits: WireLimits) throws(WireError) {
        guard wire.isTask else {
            self = .heads(try Check.heads(wire.heads, limits))
            return
        }
        guard wire.heads.isEmpty else { throw .badValue("a bundle of heads and a task") }
        let description = wire.taskBytes
        try Check.length(
            description.count, "bytes of a task's description",
            max: limits.taskDescriptionByteCountMax)
        self = .task(description)
    }
}

extension CoordinatorMessage.Outcome {
    fileprivate init(_ wire: ProtoFinished, _ limits: WireLimits) throws(WireError) {
        let reason = try Check.reason(wire.abortReason, "an abort's reason", limits)
        self = wire.isComplete ? .complete : .aborted(reason: reason)
    }
}

extension Welcome {
    fileprivate var wire: ProtoWelcome {
        var wire = ProtoWelcome()
        wire.runIDBytes = runID
        wire.workerNumber = workerNumber
        wire.heartbeatMilliseconds = UInt32(clamping: heartbeatMilliseconds)
        wire.featurePort = UInt32(featurePort)
        wire.featuresReady = featuresReady
        return wire
    }

    fileprivate init(_ wire: ProtoWelcome) throws(WireError) {
        let runID = wire.runIDBytes
        guard runID.count == Welcome.runIDByteCount else {
            throw .badValue("a run's identifier of \(runID.count.counted("byte"))")
        }
        let port = try Check.count(wire.featurePort, "a port", in: 1...65_535)
        self.init(
            runID: runID, workerNumber: wire.workerNumber,
            heartbeatMilliseconds: try Check.count(
                wire.heartbeatMilliseconds, "a heartbeat's milliseconds", in: 10...600_000),
            featurePort: UInt16(port), featuresReady: wire.featuresReady)
    }
}

extension Refused {
    fileprivate func wire(_ limits: WireLimits) -> ProtoRefused {
        var wire = ProtoRefused()
        switch code {
        case .versionMismatch: wire.code = .versionMismatch
        case .unknownWorker: wire.code = .unknownWorker
        case .malformed: wire.code = .malformed
        case .notAccepting: wire.code = .notAccepting
        case .other: wire.code = .unspecified
        }
        wire.message = message.truncated(toByteCount: limits.reasonByteCountMax)
        wire.wantedVersion = wantedVersion
        return wire
    }

    fileprivate init(_ wire: ProtoRefused, _ limits: WireLimits) throws(WireError) {
        let code: Code
        switch wire.code {
        case .versionMismatch: code = .versionMismatch
        case .unknownWorker: code = .unknownWorker
        case .malformed: code = .malformed
        case .notAccepting: code = .notAccepting
        case .unspecified, .UNRECOGNIZED: code = .other
        }
        self.init(
            code: code, message: try Check.reason(wire.message, "a refusal", limits),
            wantedVersion: wire.wantedVersion)
    }
}

extension FeatureChunk {
    fileprivate init(
        _ wire: ProtoChunk, _ payload: [UInt8], _ limits: WireLimits
    ) throws(WireError) {
        self.init(
            index: try Self.index(wire, byteCount: payload.count, limits), bytes: payload)
    }

    /// The position of a chunk with so many bytes, both checked.
    static func index(
        _ wire: ProtoChunk, byteCount: Int, _ limits: WireLimits
    ) throws(WireError) -> Int {
        try Check.length(byteCount, "bytes of a chunk", max: limits.chunkByteCountMax)
        return try Check.count(wire.index, "a chunk's position", in: 0...limits.chunkCountMax - 1)
    }
}
