import Heads
import Numerics
import WireProtocol

/// A message of either side, so that one test can walk all of them.
enum AnyMessage: Equatable, Sendable {
    case worker(WorkerMessage)
    case coordinator(CoordinatorMessage)

    func encode() -> [[UInt8]] {
        switch self {
        case .worker(let message): message.encode()
        case .coordinator(let message): message.encode()
        }
    }

    /// Decodes as the side that receives this message would.
    func decode(
        _ frames: [[UInt8]], _ limits: WireLimits = WireLimits()
    ) throws(WireError) -> AnyMessage {
        switch self {
        case .worker: .worker(try WorkerMessage.decode(frames, limits))
        case .coordinator: .coordinator(try CoordinatorMessage.decode(frames, limits))
        }
    }

    /// Decodes as the wrong side.
    func decodeByOtherSide(_ frames: [[UInt8]]) throws(WireError) -> AnyMessage {
        switch self {
        case .worker: .coordinator(try CoordinatorMessage.decode(frames))
        case .coordinator: .worker(try WorkerMessage.decode(frames))
        }
    }
}

enum Samples {
    static func head(_ classes: [Int], featureCount: Int) -> Head {
        let weights = (0..<classes.count * featureCount).map { Float($0) - 2.5 }
        return Head(
            classes: ClassSet(classes),
            weights: Matrix(
                rowCount: classes.count, columnCount: featureCount, values: weights),
            biases: classes.map { Float($0) / 8 })
    }

    static let hello = WorkerMessage.hello(
        Hello(
            incarnation: 0xFEDC_BA98_7654_3210, name: "worker-1", host: "höst.example",
            isa: "avx512", threadCount: 8, slotCount: 2, processID: 4_711))

    static let bundleTrained = WorkerMessage.bundleTrained(
        BundleTrained(
            bundle: 1 << 40, attempt: 3, busySeconds: 1.25, featureCount: 3,
            heads: [
                TrainedHead(id: HeadID(0), head: head([0, 1], featureCount: 3)),
                TrainedHead(id: HeadID(1_012), head: head([2, 65, 200], featureCount: 3)),
            ]))

    static let chunk = ChunkDescription(
        classIndex: 1, firstRow: 4, rowCount: 2, byteCount: 24,
        hash: (0..<32).map { UInt8($0) })

    static func features(
        _ initialisation: HeadInitialisation, optimumL2: Double? = nil
    ) -> CoordinatorMessage {
        .features(
            FeatureDescription(
                featureCount: 3, classRowCounts: [0, 6],
                hyperparameters: HeadHyperparameters(
                    epochCount: 7, batchSize: 32, learningRate: 0.5, rho: 0.9, epsilon: 1e-6,
                    dropout: 0.25, initialisation: initialisation, seed: .max,
                    optimumL2: optimumL2),
                chunks: [
                    ChunkDescription(
                        classIndex: 1, firstRow: 0, rowCount: 4, byteCount: 48,
                        hash: [UInt8](repeating: 9, count: 32)),
                    chunk,
                ],
                broadcastComplete: true,
                derivedHead: initialisation == .derived ? head([0, 1], featureCount: 3) : nil))
    }

    static let assignment = CoordinatorMessage.assign(
        BundleAssignment(
            bundle: 17, attempt: 1,
            heads: [
                HeadSpec(id: HeadID(4), classes: ClassSet([0, 5])),
                HeadSpec(id: HeadID(3), classes: ClassSet([1, 2, 64, 65_534])),
            ]))

    static let task = CoordinatorMessage.assign(
        BundleAssignment(
            bundle: 18, attempt: 2,
            content: .task(TaskSpec(id: TaskID(7), description: Array("{\"seed\":1}".utf8)))))

    static let taskDone = WorkerMessage.bundleTrained(
        BundleTrained(
            bundle: 18, attempt: 2, busySeconds: 1_200,
            content: .task(TaskOutcome(id: TaskID(7), bytes: [0, 0xFF, 3]))))

    static let materials = CoordinatorMessage.materials(
        MaterialDescription(
            items: [
                .init(
                    name: "images", byteCount: 40,
                    chunkHashes: (0..<3).map { [UInt8](repeating: $0, count: 32) }),
                .init(name: "nothing", byteCount: 0, chunkHashes: []),
                .init(
                    name: "läbels", byteCount: 16, chunkHashes: [[UInt8](repeating: 9, count: 32)]),
            ], chunkByteCount: 16, broadcastComplete: true))

    static let welcome = CoordinatorMessage.welcome(
        Welcome(
            runID: (1...16).map { UInt8($0) }, workerNumber: 12, heartbeatMilliseconds: 1_000,
            featurePort: 65_535, featuresReady: true))

    static let all: [AnyMessage] = [
        .worker(hello),
        .worker(
            .heartbeat(
                WorkerHeartbeat(
                    incarnation: 1, busySeconds: 0.5, peakRSSByteCount: 1 << 33,
                    receivedByteCount: 61_440_000, runningBundles: [3, 1 << 60]))),
        .worker(.chunkRequest([0, 7, 479])),
        .worker(.ready),
        .worker(bundleTrained),
        .worker(taskDone),
        .worker(
            .hello(
                Hello(
                    incarnation: 1, name: "w", host: "h", isa: "avx2", threadCount: 1,
                    slotCount: 1, processID: 1, cpu: "Fast Processor (R) 9000"))),
        .worker(
            .bundleFailed(BundleFailed(bundle: 9, attempt: 2, reason: "out of memory: ß"))),
        .worker(.goodbye),
        .coordinator(welcome),
        .coordinator(.refused(Refused(code: .versionMismatch, message: "too old"))),
        .coordinator(.refused(Refused(code: .unknownWorker, message: "", wantedVersion: 9))),
        .coordinator(features(.glorot)),
        .coordinator(features(.zero)),
        .coordinator(features(.derived)),
        .coordinator(features(.zero, optimumL2: 0.003)),
        .coordinator(.broadcastComplete),
        .coordinator(.chunk(FeatureChunk(index: 3, bytes: [1, 2, 3, 4]))),
        .coordinator(assignment),
        .coordinator(task),
        .coordinator(materials),
        .coordinator(
            .materials(
                MaterialDescription(items: [], chunkByteCount: 1, broadcastComplete: false))),
        .coordinator(.revoke(bundle: 17, attempt: 1, mayFinish: true)),
        .coordinator(.acknowledge(bundle: 17, attempt: 2)),
        .coordinator(.finished(.complete)),
        .coordinator(.finished(.aborted(reason: "asked to stop"))),
        .coordinator(.heartbeat(incarnation: 77)),
    ]
}

/// Just enough protobuf to write envelopes that the encoder would never write.
struct RawFields {
    var bytes: [UInt8] = []

    private mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    func varint(_ field: UInt64, _ value: UInt64) -> RawFields {
        var copy = self
        copy.append(varint: field << 3)
        copy.append(varint: value)
        return copy
    }

    func fixed(_ field: UInt64, _ value: Float) -> RawFields {
        var copy = self
        copy.append(varint: field << 3 | 5)
        for shift in [0, 8, 16, 24] as [UInt32] {
            copy.bytes.append(UInt8(value.bitPattern >> shift & 0xFF))
        }
        return copy
    }

    func fixed(_ field: UInt64, _ value: UInt64) -> RawFields {
        var copy = self
        copy.append(varint: field << 3 | 1)
        for shift in stride(from: 0, to: 64, by: 8) as StrideTo<UInt64> {
            copy.bytes.append(UInt8(value >> shift & 0xFF))
        }
        return copy
    }

    func nested(_ field: UInt64, _ content: [UInt8]) -> RawFields {
        var copy = self
        copy.append(varint: field << 3 | 2)
        copy.append(varint: UInt64(content.count))
        copy.bytes += content
        return copy
    }

    func nested(_ field: UInt64, _ content: RawFields) -> RawFields {
        nested(field, content.bytes)
    }

    /// An envelope of this version with one body.
    static func envelope(
        _ body: UInt64, _ content: RawFields, version: UInt64 = UInt64(WireProtocol.version)
    ) -> [UInt8] {
        RawFields().varint(1, version).nested(body, content).bytes
    }
}
