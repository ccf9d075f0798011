import Heads
import Numerics
import Transfer
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
            bundle: 1 << 40, attempt: 3, busySeconds: 1.25,
            content: .heads(
                HeadBlock.runs(of: [
                    head([0, 1], featureCount: 3), head([0, 2], featureCount: 3),
                    head([2, 65, 200], featureCount: 3),
                ]))))

    /// A hash of a byte again and again.
    static func hash(_ byte: UInt8) -> ContentHash {
        guard let hash = ContentHash([UInt8](repeating: byte, count: ContentHash.byteCount)) else {
            preconditionFailure("a hash has 32 bytes")
        }
        return hash
    }

    static let hyperparameters = HeadHyperparameters(
        epochCount: 7, batchSize: 32, learningRate: 0.5, rho: 0.9, epsilon: 1e-6,
        dropout: 0.25, initialisation: .glorot, seed: .max)

    static func epochs(_ initialisation: HeadInitialisation) -> Training {
        var hyperparameters = hyperparameters
        hyperparameters.initialisation = initialisation
        return .epochs(hyperparameters)
    }

    static let balancedEpochs: Training = {
        var balanced = hyperparameters
        balanced.isBalanced = true
        return .epochs(balanced)
    }()

    /// As in ``manifest(classKeys:)``, with a weight for each row.
    static let weightedFeatures = CoordinatorMessage.features(
        FeatureDescription(
            manifest: ChunkManifest(
                .features(FeatureShape(featureCount: 3, classRowCounts: [0, 6], isWeighted: true)),
                chunks: manifest().chunks + [
                    Chunk(part: 3, first: 0, count: 6, byteCount: 24, hash: hash(3))
                ]), training: .optimum(l2: 0.25), broadcastComplete: false))

    /// Six rows of one class and none of the other, in two chunks.
    static func manifest(classKeys: [UInt64]? = nil) -> ChunkManifest {
        ChunkManifest(
            .features(
                FeatureShape(featureCount: 3, classRowCounts: [0, 6], classKeys: classKeys)),
            chunks: [
                Chunk(part: 1, first: 0, count: 4, byteCount: 48, hash: hash(9)),
                Chunk(part: 1, first: 4, count: 2, byteCount: 24, hash: hash(1)),
            ])
    }

    static func features(
        _ training: Training, classKeys: [UInt64]? = nil
    ) -> CoordinatorMessage {
        .features(
            FeatureDescription(
                manifest: manifest(classKeys: classKeys), training: training,
                broadcastComplete: true,
                derivedHead: training.isDerived ? head([0, 1], featureCount: 3) : nil))
    }

    static let assignment = CoordinatorMessage.assign(
        BundleAssignment(
            bundle: 17, attempt: 1,
            content: .heads([
                HeadKey(ClassSet([0, 5])), HeadKey(ClassSet([1, 2, 64, 65_534])), groups,
            ])))

    /// Two classes against one.
    static let groups: HeadKey = {
        guard let key = HeadKey(groups: [ClassSet([0, 300]), ClassSet([7])]) else {
            preconditionFailure("two groups without a class in common")
        }
        return key
    }()

    static let task = CoordinatorMessage.assign(
        BundleAssignment(
            bundle: 18, attempt: 2, content: .task(Array("{\"seed\":1}".utf8))))

    static let taskDone = WorkerMessage.bundleTrained(
        BundleTrained(
            bundle: 18, attempt: 2, busySeconds: 1_200, content: .task([0, 0xFF, 3])))

    static let materials = CoordinatorMessage.materials(
        MaterialDescription(
            manifest: ChunkManifest(
                .materials([
                    MaterialShape(name: "images", byteCount: 40),
                    MaterialShape(name: "nothing", byteCount: 0),
                    MaterialShape(name: "läbels", byteCount: 16),
                ]),
                chunks: [
                    Chunk(part: 0, first: 0, count: 16, byteCount: 16, hash: hash(0)),
                    Chunk(part: 0, first: 16, count: 16, byteCount: 16, hash: hash(1)),
                    Chunk(part: 0, first: 32, count: 8, byteCount: 8, hash: hash(2)),
                    Chunk(part: 2, first: 0, count: 16, byteCount: 16, hash: hash(9)),
                ]), broadcastComplete: true))

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
        .coordinator(features(epochs(.glorot))),
        .coordinator(features(epochs(.zero))),
        .coordinator(features(epochs(.derived))),
        .coordinator(features(.optimum(l2: 0.003))),
        .coordinator(features(.optimum(l2: 0.003, isBalanced: true))),
        .coordinator(features(balancedEpochs)),
        .coordinator(weightedFeatures),
        .coordinator(features(epochs(.glorot), classKeys: [3, 1 << 40])),
        .coordinator(.broadcastComplete),
        .coordinator(.chunk(FeatureChunk(index: 3, bytes: [1, 2, 3, 4]))),
        .coordinator(assignment),
        .coordinator(task),
        .coordinator(materials),
        .coordinator(
            .materials(
                MaterialDescription(
                    manifest: ChunkManifest(.materials([]), chunks: []),
                    broadcastComplete: false))),
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

    /// Numbers as a packed field holds them.
    static func packed(_ values: [UInt64]) -> [UInt8] {
        var fields = RawFields()
        for value in values { fields.append(varint: value) }
        return fields.bytes
    }

    /// An envelope of this version with one body.
    static func envelope(
        _ body: UInt64, _ content: RawFields, version: UInt64 = UInt64(WireProtocol.version)
    ) -> [UInt8] {
        RawFields().varint(1, version).nested(body, content).bytes
    }
}

/// A chunk as a page holds it, of any numbers.
struct RawChunk {
    var part: UInt64 = 0
    var first: UInt64 = 0
    var count: UInt64
    var byteCount: UInt64
    var hash = [UInt8](repeating: 0, count: ContentHash.byteCount)

    var bytes: [UInt8] {
        func number(_ value: UInt64, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
        }
        return number(part, 4) + number(first, 8) + number(count, 4) + number(byteCount, 4) + hash
    }
}
