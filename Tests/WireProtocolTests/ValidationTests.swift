import Heads
import Numerics
import Testing
import WireProtocol

/// Well-formed bytes that say what cannot be.
@Suite struct ValidationTests {
    private func code(
        _ frames: [[UInt8]], _ limits: WireLimits = WireLimits()
    ) -> WireError.Code? {
        do throws(WireError) {
            _ = try WorkerMessage.decode(frames, limits)
            return nil
        } catch {
            if error.code != .unknownBody { return error.code }
        }
        do throws(WireError) {
            _ = try CoordinatorMessage.decode(frames, limits)
            return nil
        } catch {
            return error.code
        }
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func numbersThatAreNotFiniteAreRefused(value: Float) {
        let bytes = [0, 8, 16, 24].map { UInt8(value.bitPattern >> $0 & 0xFF) }
        for message in [
            Samples.bundleTrained.encode(), Samples.features(Samples.epochs(.derived)).encode(),
        ] {
            // Of the derived start a page comes before the numbers.
            let last = message.count - 1
            for offset in stride(from: 0, to: message[last].count, by: 4) {
                var frames = message
                frames[last].replaceSubrange(offset..<offset + 4, with: bytes)
                #expect(code(frames) == .badValue)
            }
        }
        // In fields too: learning rate, rho, epsilon, dropout.
        for field in 3...6 as ClosedRange<UInt64> {
            let numbers = RawFields().varint(1, 1).varint(2, 1).varint(7, 1)
                .fixed(5, 1e-7 as Float)
            #expect(code(features(epochs: numbers)) == nil)
            #expect(code(features(epochs: numbers.fixed(field, value))) == .badValue)
        }
        let seconds = Double(value).bitPattern
        #expect(code([RawFields.envelope(11, RawFields().fixed(2, seconds))]) == .badValue)
        let trained = RawFields().fixed(3, seconds).varint(4, 1)
            .nested(5, RawFields().nested(2, [0, 1]))
        #expect(
            code([RawFields.envelope(14, trained), [UInt8](repeating: 0, count: 16)]) == .badValue)
    }

    @Test func negativeTimesAreRefused() {
        let heartbeat = RawFields().fixed(2, (-1.0).bitPattern)
        #expect(code([RawFields.envelope(11, heartbeat)]) == .badValue)
    }

    @Test func tasksMustBeTasks() {
        func task(_ byteCount: Int) -> RawFields {
            RawFields().nested(5, [UInt8](repeating: 1, count: byteCount)).varint(6, 1)
        }
        let limit = WireLimits().taskDescriptionByteCountMax
        #expect(limit == 960 << 10)
        #expect(code(assign(task(limit))) == nil)
        #expect(code(assign(task(0))) == nil)
        #expect(code(assign(task(limit + 1))) == .overLimit)
        let head = RawFields().nested(2, [0, 1])
        #expect(code(assign(task(1).nested(3, head))) == .badValue)
        // What does not say that it is a task is none.
        #expect(code(assign(RawFields().nested(5, [1, 2]))) == .badValue)
    }

    @Test func outcomesMustBeOutcomes() {
        func result(_ fields: RawFields, _ frame: [UInt8]?) -> WireError.Code? {
            code([RawFields.envelope(14, fields)] + (frame.map { [$0] } ?? []))
        }
        let task = RawFields().varint(7, 3)
        #expect(result(task, [1, 2, 3]) == nil)
        #expect(result(task, [1, 2]) == .badValue)
        #expect(result(task, nil) == .malformed)
        #expect(result(RawFields(), []) == nil)
        #expect(result(RawFields(), [1]) == .badValue)
        let head = RawFields().nested(2, [0, 1])
        #expect(result(task.varint(4, 1), [1, 2, 3]) == .badValue)
        #expect(result(task.nested(5, head), [1, 2, 3]) == .badValue)
        let heads = RawFields().varint(4, 1).nested(5, head)
        #expect(result(heads, [UInt8](repeating: 0, count: 16)) == nil)
        #expect(result(heads.varint(7, 16), [UInt8](repeating: 0, count: 16)) == .badValue)
        let large = [UInt8](repeating: 0, count: WireLimits().frameByteCountMax + 1)
        let claim = RawFields().varint(7, UInt64(large.count))
        #expect(result(claim, large) == .overLimit)
        #expect(result(claim, Array(large.dropLast())) == .badValue)
    }

    @Test func materialsMustBeMaterials() {
        func material(_ name: String, _ byteCount: UInt64) -> RawFields {
            RawFields().nested(1, Array(name.utf8)).varint(2, byteCount)
        }
        func result(
            _ materials: [RawFields], _ chunks: [RawChunk], _ limits: WireLimits = WireLimits()
        ) -> WireError.Code? {
            let fields = materials.reduce(RawFields()) { $0.nested(1, $1) }
            let page = chunks.flatMap(\.bytes)
            return code(
                [RawFields.envelope(50, fields.varint(4, UInt64(chunks.count)))]
                    + (page.isEmpty ? [] : [page]), limits)
        }
        let first = RawChunk(count: 16, byteCount: 16)
        let second = RawChunk(first: 16, count: 1, byteCount: 1)
        let good = material("a", 17)
        let more = material("b", 4)
        let third = RawChunk(part: 1, count: 4, byteCount: 4)
        #expect(result([good, material("b", 0)], [first, second]) == nil)
        #expect(result([good, more], [third, second, first]) == nil)
        #expect(result([], []) == nil)
        #expect(result([good, material("a", 0)], [first, second]) == .badValue)
        #expect(result([material("a\n", 17)], [first, second]) == .badValue)
        #expect(result([material("a", 16)], [first, second]) == .badValue)
        #expect(result([material("a", 18)], [first, second]) == .badValue)
        #expect(result([material("a", .max)], []) == .badValue)
        #expect(result([good], [first]) == .badValue)
        #expect(result([good], [first, second, second]) == .badValue)
        #expect(result([good], [first, RawChunk(first: 16, count: 1, byteCount: 2)]) == .badValue)
        #expect(result([good], [first, RawChunk(first: 16, count: 0, byteCount: 0)]) == .badValue)
        #expect(result([good], [first, third]) == .badValue)
        var short = first
        short.hash.removeLast()
        #expect(result([material("a", 16)], [short]) == .badValue)
        var limits = WireLimits()
        limits.materialCountMax = 1
        #expect(result([good], [first, second], limits) == nil)
        #expect(result([good, material("b", 0)], [first, second], limits) == .overLimit)
        limits = WireLimits()
        limits.materialByteCountMax = 20
        #expect(result([good], [first, second], limits) == nil)
        #expect(result([good, more], [first, second, third], limits) == .overLimit)
        limits = WireLimits()
        limits.chunkCountMax = 2
        #expect(result([good], [first, second], limits) == nil)
        #expect(result([good, more], [first, second, third], limits) == .overLimit)
        let large = RawChunk(count: 1 << 20 + 1, byteCount: 1 << 20 + 1)
        #expect(result([material("a", 1 << 20 + 1)], [large]) == .overLimit)
    }

    private func assign(_ heads: RawFields) -> [[UInt8]] {
        [RawFields.envelope(45, heads)]
    }

    @Test func headsMustBeHeads() {
        func head(_ classes: [UInt8], _ groupSizes: [UInt8] = []) -> RawFields {
            RawFields().nested(2, classes).nested(3, groupSizes)
        }
        func result(_ heads: RawFields...) -> WireError.Code? {
            code(assign(heads.reduce(RawFields()) { $0.nested(3, $1) }))
        }
        #expect(result(head([0, 1])) == nil)
        #expect(result() == .badValue)
        for classes in [[], [0], [1, 0], [1, 1], [0, 1, 1], [0, 2, 1]] as [[UInt8]] {
            #expect(result(head(classes)) == .badValue)
        }
        #expect(result(head([0, 1]), head([0, 2])) == nil)
        #expect(result(head([0, 1]), head([0, 1])) == .badValue)
        // Class 65,535 and the largest there is: a set would take memory by them.
        for last in [[0xFF, 0xFF, 0x03], [0xFF, 0xFF, 0xFF, 0xFF, 0x0F]] as [[UInt8]] {
            #expect(result(head([0] + last)) == .badValue)
        }
        // Groups of several classes.
        #expect(result(head([0, 3, 1], [2, 1])) == nil)
        #expect(result(head([0, 3, 1], [2, 1]), head([0, 1, 3])) == nil)
        for (classes, sizes) in [
            ([1, 0, 3], [1, 2]), ([3, 0, 1], [2, 1]), ([0, 3, 3], [2, 1]), ([0, 1, 3], [3]),
            ([0, 3, 1], [2]), ([0, 3, 1], [2, 2]), ([0, 3, 1], [2, 0, 1]), ([0, 3, 1], [2, 1, 0]),
            ([], [1, 1]),
        ] as [([UInt8], [UInt8])] {
            #expect(result(head(classes, sizes)) == .badValue)
        }
    }

    @Test func claimsAreBounded() {
        var limits = WireLimits()
        limits.headCountMax = 3
        var heads = RawFields()
        for last in 1...4 as ClosedRange<UInt8> {
            #expect(heads.bytes.isEmpty || code(assign(heads), limits) == nil)
            heads = heads.nested(3, RawFields().nested(2, [0, last]))
        }
        #expect(code(assign(heads), limits) == .overLimit)
        // Few bytes of envelope that ask for 8 KiB of class set each.
        var wide = RawFields()
        for id in 0..<5_000 as Range<UInt64> {
            wide = wide.nested(3, RawFields().nested(2, RawFields.packed([id, 65_534])))
        }
        #expect(code(assign(wide)) == .overLimit)
        limits.envelopeByteCountMax = 100
        #expect(code(assign(wide), limits) == .overLimit)
        limits = WireLimits()
        limits.frameByteCountMax = 10
        #expect(code(Samples.bundleTrained.encode(), limits) == .overLimit)
        limits = WireLimits()
        limits.chunkByteCountMax = 3
        #expect(
            code(
                CoordinatorMessage.chunk(FeatureChunk(index: 0, bytes: [1, 2, 3, 4])).encode(),
                limits) == .overLimit)
        limits = WireLimits()
        limits.runningBundleCountMax = 1
        let heartbeat = RawFields().nested(5, [1, 2])
        #expect(code([RawFields.envelope(11, heartbeat)], limits) == .overLimit)
    }

    @Test func chunkRequestsAreBounded() {
        func request(_ indices: [UInt8]) -> [[UInt8]] {
            [RawFields.envelope(12, RawFields().nested(1, indices))]
        }
        #expect(code(request([0, 3, 4])) == nil)
        #expect(code(request([])) == .badValue)
        #expect(code(request([3, 3])) == .badValue)
        #expect(code(request([3, 2])) == .badValue)
        #expect(code(request(Array(0..<65))) == .overLimit)
        #expect(code(request([0xFF, 0xFF, 0xFF, 0xFF, 0x0F])) == .badValue)
    }

    /// Features with a chunk of the given fields; 4 rows of class 1, 3 features.
    private func features(
        featureCount: UInt64 = 3, rows: [UInt8] = [0, 4], keys: [UInt64] = [],
        class classIndex: UInt64 = 1, first: UInt64 = 0, count: UInt64 = 4,
        byteCount: UInt64 = 48, hashByteCount: Int = 32, training: RawFields
    ) -> [[UInt8]] {
        let keyBytes = keys.flatMap { key in
            (0..<8).map { UInt8(truncatingIfNeeded: key >> UInt64(8 * $0)) }
        }
        let chunk = RawChunk(
            part: classIndex, first: first, count: count, byteCount: byteCount,
            hash: [UInt8](repeating: 0, count: hashByteCount))
        return [
            RawFields.envelope(
                42,
                RawFields().varint(1, featureCount).nested(2, rows).varint(6, 1)
                    .nested(7, keyBytes).nested(8, training)), chunk.bytes,
        ]
    }

    private func features(
        featureCount: UInt64 = 3, rows: [UInt8] = [0, 4], keys: [UInt64] = [],
        class classIndex: UInt64 = 1, first: UInt64 = 0, count: UInt64 = 4,
        byteCount: UInt64 = 48, hashByteCount: Int = 32,
        epochs: RawFields = RawFields().varint(1, 1).varint(2, 1).fixed(5, 1e-7 as Float)
            .varint(7, 1)
    ) -> [[UInt8]] {
        features(
            featureCount: featureCount, rows: rows, keys: keys, class: classIndex, first: first,
            count: count, byteCount: byteCount, hashByteCount: hashByteCount,
            training: RawFields().nested(1, epochs))
    }

    /// Rows with weights go with heads at their optimum; chunks of weights, with such rows.
    @Test func weightsMustFitTheTraining() {
        let frames = Samples.weightedFeatures.encode()
        #expect(code(frames) == nil)
        guard case .features(var description) = Samples.weightedFeatures else { return }
        description.training = Samples.epochs(.glorot)
        #expect(code(CoordinatorMessage.features(description).encode()) == .badValue)
        var plain = frames
        plain[0] = RawFields.envelope(
            42,
            RawFields().varint(1, 3).nested(2, [0, 6]).varint(6, 3)
                .nested(8, RawFields().nested(2, RawFields().fixed(1, (0.25).bitPattern))))
        #expect(code(plain) == .badValue)
    }

    @Test func chunksMustFitTheShape() {
        #expect(code(features()) == nil)
        #expect(code(features(featureCount: 0)) == .badValue)
        #expect(code(features(featureCount: 1 << 31)) == .badValue)
        #expect(code(features(rows: [4])) == .badValue)
        #expect(code(features(class: 2)) == .badValue)
        #expect(code(features(class: 0)) == .badValue)
        #expect(code(features(first: 1)) == .badValue)
        #expect(code(features(first: .max)) == .badValue)
        #expect(code(features(count: 0, byteCount: 0)) == .badValue)
        #expect(code(features(count: 5, byteCount: 60)) == .badValue)
        #expect(code(features(count: 3, byteCount: 36)) == .badValue)
        #expect(code(features(count: 1 << 32 - 1)) == .badValue)
        #expect(code(features(byteCount: 47)) == .badValue)
        #expect(code(features(hashByteCount: 31)) == .badValue)
        #expect(code(features(hashByteCount: 33)) == .badValue)
    }

    @Test func classesMustHaveKeysOfTheirOwn() {
        #expect(code(features(keys: [1 << 63, 0])) == nil)
        #expect(code(features(keys: [0, 1])) == nil)
        #expect(code(features(keys: [5])) == .badValue)
        #expect(code(features(keys: [5, 6, 7])) == .badValue)
        #expect(code(features(keys: [5, 5])) == .badValue)
    }

    @Test func featuresAreBounded() {
        let most: [UInt8] = [UInt8](repeating: 0xFF, count: 9) + [0x01]
        #expect(code(features(rows: [0] + most)) == .badValue)
        // 2^32 - 1 rows twice.
        let many: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0x0F]
        #expect(code(features(rows: many + many)) == .overLimit)
        // So many rows of 3 features are 48 GiB, of 6 they are 96: of the former chunks are missing.
        #expect(code(features(rows: [0] + many)) == .badValue)
        #expect(code(features(featureCount: 6, rows: [0] + many, byteCount: 96)) == .overLimit)
        var limits = WireLimits()
        limits.featureByteCountMax = 48
        #expect(code(features(), limits) == nil)
        limits.featureByteCountMax = 47
        #expect(code(features(), limits) == .overLimit)
        limits = WireLimits()
        limits.chunkCountMax = 0
        #expect(code(features(), limits) == .overLimit)
        limits = WireLimits()
        limits.classCountMax = 1
        #expect(code(features(), limits) == .overLimit)
        limits = WireLimits()
        limits.chunkByteCountMax = 47
        #expect(code(features(), limits) == .overLimit)
    }

    @Test func trainingIsChecked() {
        func numbers(_ epochs: UInt64, _ batch: UInt64, _ start: UInt64) -> RawFields {
            RawFields().varint(1, epochs).varint(2, batch).fixed(5, 1e-7 as Float)
                .varint(7, start)
        }
        #expect(code(features(epochs: numbers(1, 1, 2))) == nil)
        for bad in [
            numbers(0, 1, 1), numbers(1, 0, 1), numbers(1, 1, 0), numbers(1, 1, 4),
            numbers(.max, 1, 1), numbers(1, .max, 1), numbers(1, 1, 1).fixed(6, 1 as Float),
            numbers(1, 1, 1).fixed(6, -0.5 as Float), numbers(1, 1, 1).fixed(4, 1 as Float),
            numbers(1, 1, 1).fixed(3, -1 as Float), numbers(1, 1, 1).fixed(5, 0 as Float),
        ] {
            #expect(code(features(epochs: bad)) == .badValue)
        }
        func optimum(_ l2: Double) -> [[UInt8]] {
            features(
                training: RawFields().nested(2, RawFields().fixed(1, l2.bitPattern)))
        }
        for l2 in [1e-300, 10] { #expect(code(optimum(l2)) == nil) }
        for l2 in [0, -0.1, .nan, .infinity, -.infinity] {
            #expect(code(optimum(l2)) == .badValue)
        }
        #expect(code(features(training: RawFields())) == .badValue)
        // A derived start needs its tensors, and no other start has any.
        let derived = features(epochs: numbers(1, 1, 3))
        #expect(code(derived) == .malformed)
        #expect(code(features() + [[UInt8](repeating: 0, count: 32)]) == .malformed)
        let tensors = [UInt8](repeating: 0, count: 32)
        #expect(code(derived + [tensors]) == nil)
        #expect(code(derived + [tensors + [0]]) == .badValue)
    }

    @Test func textsAreBoundedAndTame() throws {
        func hello(_ name: [UInt8], threads: UInt64 = 1) -> [[UInt8]] {
            [
                RawFields.envelope(
                    10, RawFields().nested(2, name).varint(5, threads).varint(6, 1))
            ]
        }
        #expect(code(hello(Array("ok".utf8))) == nil)
        #expect(code(hello([UInt8](repeating: 0x61, count: 255))) == nil)
        #expect(code(hello([UInt8](repeating: 0x61, count: 256))) == .overLimit)
        #expect(code(hello([0x1B, 0x5B])) == .badValue)
        #expect(code(hello(Array("a\u{202E}b".utf8))) == .badValue)
        #expect(code(hello([0xC3, 0x28])) == .malformed)
        #expect(code(hello([], threads: 0)) == .badValue)
        let reason = WorkerMessage.bundleFailed(
            BundleFailed(bundle: 1, attempt: 1, reason: "a\nb\u{1B}[31m"))
        let decoded = try WorkerMessage.decode(reason.encode())
        #expect(
            decoded
                == .bundleFailed(BundleFailed(bundle: 1, attempt: 1, reason: "a b [31m")))
        let long = WorkerMessage.bundleFailed(
            BundleFailed(bundle: 1, attempt: 1, reason: String(repeating: "ß", count: 2_000)))
        let short = try WorkerMessage.decode(long.encode())
        #expect(
            short
                == .bundleFailed(
                    BundleFailed(
                        bundle: 1, attempt: 1, reason: String(repeating: "ß", count: 1_024))))
    }

    @Test func welcomesAreChecked() {
        func welcome(_ runByteCount: Int, _ milliseconds: UInt64, _ port: UInt64) -> [[UInt8]] {
            [
                RawFields.envelope(
                    40,
                    RawFields().nested(1, [UInt8](repeating: 1, count: runByteCount))
                        .varint(3, milliseconds).varint(4, port))
            ]
        }
        #expect(code(welcome(16, 1_000, 80)) == nil)
        #expect(code(welcome(15, 1_000, 80)) == .badValue)
        #expect(code(welcome(17, 1_000, 80)) == .badValue)
        #expect(code(welcome(16, 0, 80)) == .badValue)
        #expect(code(welcome(16, 1 << 30, 80)) == .badValue)
        #expect(code(welcome(16, 1_000, 0)) == .badValue)
        #expect(code(welcome(16, 1_000, 65_536)) == .badValue)
    }

    @Test func anUnknownRefusalIsStillARefusal() throws {
        let frame = RawFields.envelope(41, RawFields().varint(1, 99).varint(3, 8), version: 8)
        let decoded = try CoordinatorMessage.decode([frame])
        #expect(
            decoded == .refused(Refused(code: .other, message: "", wantedVersion: 8)))
    }

    @Test func emptyAndForeignBytesAreRefused() {
        #expect(code([]) == .malformed)
        #expect(code([[]]) == .versionMismatch)
        #expect(code([[], [], []]) == .versionMismatch)
        // As many as a message may have, and one more.
        let most = WireLimits().frameCountMax
        #expect(code([[UInt8]](repeating: [], count: most)) == .versionMismatch)
        #expect(code([[UInt8]](repeating: [], count: most + 1)) == .malformed)
        #expect(code([Array("GET / HTTP/1.1".utf8)]) != nil)
        #expect(code([[UInt8](repeating: 0xFF, count: 1_000)]) == .malformed)
    }
}
