import Heads
import Numerics

extension WorkerMessage {
    /// The message as frames: an envelope, and for a result the frames of its numbers.
    package func encode(_ limits: WireLimits = WireLimits()) -> [[UInt8]] {
        var envelope = ProtoEnvelope()
        var payload: [[UInt8]] = []
        switch self {
        case .hello(let hello): envelope.hello = hello.wire(limits)
        case .heartbeat(let heartbeat): envelope.workerHeartbeat = heartbeat.wire
        case .chunkRequest(let indices):
            envelope.chunkRequest.indices = indices.map { UInt32(clamping: $0) }
        case .ready: envelope.ready = ProtoReady()
        case .bundleTrained(let result):
            envelope.bundleTrained = result.wire
            payload = result.payload(limits)
        case .bundleFailed(let failure):
            envelope.bundleFailed.bundle = failure.bundle
            envelope.bundleFailed.attempt = failure.attempt
            envelope.bundleFailed.declined = failure.isDeclined
            envelope.bundleFailed.reason = failure.reason.truncated(
                toByteCount: limits.reasonByteCountMax)
        case .goodbye: envelope.goodbye = ProtoGoodbye()
        }
        return [envelope.frame()] + payload
    }

    /// Reads what a worker sent, without the routing identity.
    ///
    /// - Throws: ``WireError`` for anything but a whole, valid message of this version; with
    ///   `versionMismatch` its ``WireError/peerVersion`` is what to answer `refused` with.
    package static func decode(
        _ frames: [[UInt8]], _ limits: WireLimits = WireLimits()
    ) throws(WireError) -> WorkerMessage {
        let envelope = try ProtoEnvelope(frames, limits)
        let payload = Payload(frames)
        let message: WorkerMessage
        switch envelope.body {
        case .bundleTrained(let wire):
            return .bundleTrained(try BundleTrained(wire, payload, limits))
        case .hello(let wire): message = .hello(try Hello(wire, limits))
        case .workerHeartbeat(let wire): message = .heartbeat(try WorkerHeartbeat(wire, limits))
        case .chunkRequest(let wire): message = .chunkRequest(try chunkIndices(wire, limits))
        case .ready: message = .ready
        case .bundleFailed(let wire):
            message = .bundleFailed(
                BundleFailed(
                    bundle: wire.bundle, attempt: wire.attempt,
                    reason: try Check.reason(wire.reason, "a failure's reason", limits),
                    isDeclined: wire.declined))
        case .goodbye: message = .goodbye
        case nil: throw .unknownBody("its body is missing or of a kind not known here")
        default: throw .unknownBody("a worker does not send this")
        }
        try payload.none()
        return message
    }

    private static func chunkIndices(
        _ wire: ProtoChunkRequest, _ limits: WireLimits
    ) throws(WireError) -> [Int] {
        let indices = wire.indices
        try Check.length(indices.count, "requested chunks", max: limits.requestedChunkCountMax)
        guard !indices.isEmpty else { throw .badValue("a request for no chunk") }
        guard zip(indices, indices.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw .badValue("the requested chunks do not ascend")
        }
        _ = try Check.count(
            indices.last ?? 0, "a chunk's position", in: 0...limits.chunkCountMax - 1)
        return indices.map(Int.init)
    }
}

extension Hello {
    fileprivate func wire(_ limits: WireLimits) -> ProtoHello {
        var wire = ProtoHello()
        wire.incarnation = incarnation
        wire.name = name.asName(limits)
        wire.host = host.asName(limits)
        wire.isa = isa.asName(limits)
        wire.threadCount = UInt32(clamping: threadCount)
        wire.slotCount = UInt32(clamping: slotCount)
        wire.processID = UInt32(clamping: processID)
        wire.cpu = cpu.asName(limits)
        return wire
    }

    fileprivate init(_ wire: ProtoHello, _ limits: WireLimits) throws(WireError) {
        self.init(
            incarnation: wire.incarnation,
            name: try Check.name(wire.name, "a worker's name", limits),
            host: try Check.name(wire.host, "a worker's host", limits),
            isa: try Check.name(wire.isa, "an instruction set", limits),
            threadCount: try Check.count(wire.threadCount, "a thread count", in: 1...65_536),
            slotCount: try Check.count(wire.slotCount, "a slot count", in: 1...65_536),
            processID: Int(wire.processID),
            cpu: try Check.name(wire.cpu, "a processor's name", limits))
    }
}

extension WorkerHeartbeat {
    fileprivate var wire: ProtoWorkerHeartbeat {
        var wire = ProtoWorkerHeartbeat()
        wire.incarnation = incarnation
        wire.busySeconds = busySeconds
        wire.peakRssBytes = UInt64(clamping: peakRSSByteCount)
        wire.bytesReceived = UInt64(clamping: receivedByteCount)
        wire.runningBundles = runningBundles
        return wire
    }

    fileprivate init(_ wire: ProtoWorkerHeartbeat, _ limits: WireLimits) throws(WireError) {
        try Check.length(
            wire.runningBundles.count, "running bundles", max: limits.runningBundleCountMax)
        self.init(
            incarnation: wire.incarnation,
            busySeconds: try Check.seconds(wire.busySeconds, "a worker's busy time"),
            peakRSSByteCount: try Check.count(
                wire.peakRssBytes, "a worker's memory", in: 0...1 << 60),
            receivedByteCount: try Check.count(
                wire.bytesReceived, "a worker's received bytes", in: 0...1 << 60),
            runningBundles: wire.runningBundles)
    }
}

extension BundleTrained {
    fileprivate var wire: ProtoBundleTrained {
        var wire = ProtoBundleTrained()
        wire.bundle = bundle
        wire.attempt = attempt
        wire.busySeconds = busySeconds
        switch content {
        case .heads(let blocks):
            wire.featureCount = UInt32(clamping: blocks.first?.featureCount ?? 0)
            wire.heads = blocks.flatMap { $0.keys.map(\.wire) }
        case .task(let bytes): wire.outcomeByteCount = UInt32(clamping: bytes.count)
        }
        return wire
    }

    /// The frames behind the envelope.
    fileprivate func payload(_ limits: WireLimits) -> [[UInt8]] {
        switch content {
        case .heads(let blocks):
            TensorFrame.encode(blocks, byteCountMax: limits.frameByteCountMax)
        case .task(let bytes): [bytes]
        }
    }

    fileprivate init(
        _ wire: ProtoBundleTrained, _ payload: Payload, _ limits: WireLimits
    ) throws(WireError) {
        self.init(
            bundle: wire.bundle, attempt: wire.attempt,
            busySeconds: try Check.seconds(wire.busySeconds, "a bundle's busy time"),
            content: try Content(wire, payload, limits))
    }
}

extension BundleTrained.Content {
    fileprivate init(
        _ wire: ProtoBundleTrained, _ payload: Payload, _ limits: WireLimits
    ) throws(WireError) {
        guard !wire.heads.isEmpty else {
            guard wire.featureCount == 0 else { throw .badValue("a result of heads without heads") }
            let bytes = try payload.one()
            guard bytes.count == Int(wire.outcomeByteCount) else {
                throw .badValue(
                    "\(bytes.count.counted("byte")) of an outcome, not \(wire.outcomeByteCount)")
            }
            self = .task(bytes)
            return
        }
        guard wire.outcomeByteCount == 0 else { throw .badValue("a result of heads and a task") }
        let featureCount = try Check.count(
            wire.featureCount, "a feature count", in: 1...limits.featureCountMax)
        self = .heads(
            try TensorFrame.decode(
                payload.all(byteCountMax: limits.resultByteCountMax),
                keys: try Check.heads(wire.heads, limits), featureCount: featureCount))
    }
}
