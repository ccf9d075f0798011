import Heads
import Numerics
import Testing
import Transfer
import WireProtocol

/// Manifests on their way: pages behind the envelope, so that no frame grows with the run.
@Suite struct ManifestPageTests {
    /// A chunk of one row for each of the rows of two classes.
    private static func description(rowCounts: [Int], classKeys: [UInt64]? = nil)
        -> FeatureDescription
    {
        let pieces = ChunkManifest.cut(
            partCounts: rowCounts, unitByteCount: 4, byteCountMax: 4)
        return FeatureDescription(
            manifest: ChunkManifest(
                .features(
                    FeatureShape(
                        featureCount: 1, classRowCounts: rowCounts, classKeys: classKeys)),
                chunks: pieces.enumerated().map { index, piece in
                    Chunk(
                        part: piece.part, first: piece.first, count: piece.count, byteCount: 4,
                        hash: hash(index))
                }), training: .epochs(Samples.hyperparameters), broadcastComplete: false)
    }

    private static func hash(_ number: Int) -> ContentHash {
        let bytes = (0..<ContentHash.byteCount).map {
            $0 < 4 ? UInt8(truncatingIfNeeded: number >> (8 * $0)) : UInt8($0)
        }
        guard let hash = ContentHash(bytes) else { preconditionFailure("a hash has 32 bytes") }
        return hash
    }

    private static let large = description(rowCounts: [15_000, 25_000])

    private func code(
        _ frames: [[UInt8]], _ limits: WireLimits = WireLimits()
    ) -> WireError.Code? {
        do throws(WireError) {
            _ = try CoordinatorMessage.decode(frames, limits)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func aManifestOverAMebibyteSurvives() throws {
        let message = CoordinatorMessage.features(Self.large)
        let frames = message.encode()
        #expect(Self.large.manifest.chunks.count == 40_000)
        let pages: [Int] = [851_968, 851_968, 376_064]  // 16,384 chunks a page, 52 bytes each
        #expect(Array(frames.map(\.count).dropFirst()) == pages)
        #expect(frames[0].count < 200)
        #expect(pages.reduce(0, +) > 1 << 20)
        #expect(try CoordinatorMessage.decode(frames) == message)
        #expect(try message.checkedFrames() == frames)
    }

    // As much as a run may have: 2^32 - 1 rows of three features, 48 GiB. The trainers count rows in 32
    // bits: one more was taken, and trapped where the rows of the last class end.
    @Test func theLargestRunSurvives() throws {
        let step = ChunkManifest.chunkByteCountMax / 12
        func message(rowCount: Int) -> CoordinatorMessage {
            let manifest = ChunkManifest(
                .features(FeatureShape(featureCount: 3, classRowCounts: [rowCount, 0])),
                chunks: ChunkManifest.cut(partCounts: [rowCount, 0], unitByteCount: 12).map {
                    Chunk(
                        part: $0.part, first: $0.first, count: $0.count, byteCount: $0.count * 12,
                        hash: Self.hash($0.first / step))
                })
            return .features(
                FeatureDescription(
                    manifest: manifest, training: .optimum(l2: 1), broadcastComplete: true))
        }
        let largest = message(rowCount: Int(UInt32.max))
        #expect(try CoordinatorMessage.decode(largest.checkedFrames()) == largest)
        let tooLarge = message(rowCount: 1 << 32)
        #expect(throws: WireError.self) { try tooLarge.checkedFrames() }
        #expect(code(tooLarge.encode()) != nil)
    }

    @Test func materialsComeInPagesToo() throws {
        let byteCount = 20_000
        let message = CoordinatorMessage.materials(
            MaterialDescription(
                manifest: ChunkManifest(
                    .materials([MaterialShape(name: "images", byteCount: byteCount)]),
                    chunks: (0..<byteCount).map {
                        Chunk(part: 0, first: $0, count: 1, byteCount: 1, hash: Self.hash($0))
                    }), broadcastComplete: false))
        let frames = message.encode()
        #expect(frames.map(\.count).dropFirst() == [16_384 * 52, 3_616 * 52])
        #expect(try CoordinatorMessage.decode(frames) == message)
        #expect(code(Array(frames.dropLast())) == .malformed)
        #expect(code([frames[0], frames[2], frames[1]]) == .badValue)
    }

    @Test func damagedPagesAreRefused() {
        let frames = CoordinatorMessage.features(Self.large).encode()
        #expect(code(frames) == nil)
        for page in 1...3 {
            var changed = frames
            changed[page].removeLast()
            #expect(code(changed) == .badValue, "page \(page) cut by a byte")
            changed[page] = frames[page] + [0]
            #expect(code(changed) == .badValue, "page \(page) with a byte more")
            changed[page].removeLast(53)
            #expect(code(changed) == .badValue, "page \(page) without its last chunk")
            changed[page] = []
            #expect(code(changed) == .badValue, "page \(page) empty")
            changed.remove(at: page)
            #expect(code(changed) == .malformed, "page \(page) missing")
            for extra in [[], frames[page]] {
                changed = frames
                changed.insert(extra, at: page)
                #expect(code(changed) == .malformed, "a page more before page \(page)")
            }
        }
        #expect(code(frames + [[]]) == .malformed)
        #expect(code([frames[0]]) == .malformed)
        // Chunks come in any order, and so may pages of one size; but every row once.
        #expect(code([frames[0], frames[2], frames[1], frames[3]]) == nil)
        #expect(code([frames[0], frames[1], frames[1], frames[3]]) == .badValue)
    }

    @Test func theChunkCountIsThatOfThePages() {
        let frames = CoordinatorMessage.features(Self.large).encode()
        func code(_ chunkCount: UInt64, _ limits: WireLimits = WireLimits()) -> WireError.Code? {
            let numbers = RawFields().varint(1, 1).varint(2, 1).fixed(5, 1e-7 as Float)
                .varint(7, 1)
            let envelope = RawFields.envelope(
                42,
                RawFields().varint(1, 1).nested(2, RawFields.packed([15_000, 25_000]))
                    .varint(6, chunkCount).nested(8, RawFields().nested(1, numbers)))
            return self.code([envelope] + frames.dropFirst(), limits)
        }
        #expect(code(40_000) == nil)
        #expect(code(39_999) == .badValue)
        #expect(code(40_001) == .badValue)
        #expect(code(2 * 16_384) == .malformed)
        #expect(code(3 * 16_384 + 1) == .malformed)
        #expect(code(0) == .malformed)
        #expect(code(1 << 18) == .malformed)
        #expect(code(1 << 18 + 1) == .overLimit)
        #expect(code(UInt64(UInt32.max)) == .overLimit)
        var limits = WireLimits()
        limits.chunkCountMax = 40_000
        #expect(code(40_000, limits) == nil)
        limits.chunkCountMax = 39_999
        #expect(code(40_000, limits) == .overLimit)
    }

    @Test func classKeysTravelUnlessTheyArePositions() throws {
        func frames(_ keys: [UInt64]?) -> [[UInt8]] {
            CoordinatorMessage.features(Self.description(rowCounts: [2, 3], classKeys: keys))
                .encode()
        }
        // A tag, a length, and eight bytes a key.
        #expect(frames([0, 1]) == frames(nil))
        #expect(frames([1, 0])[0].count == frames(nil)[0].count + 2 + 2 * 8)
        for keys in [[1, 0], [7, .max], [0, 1 << 32]] as [[UInt64]] {
            let decoded = try CoordinatorMessage.decode(frames(keys))
            guard case .features(let description) = decoded else {
                Issue.record("not features")
                return
            }
            #expect(description.manifest.features?.classKeys == keys)
            #expect(description == Self.description(rowCounts: [2, 3], classKeys: keys))
        }
        guard case .features(let plain) = try CoordinatorMessage.decode(frames(nil)) else {
            Issue.record("not features")
            return
        }
        #expect(plain.manifest.features?.classKeys == [0, 1])
        for keys in [[5, 5], [5], [5, 6, 7]] as [[UInt64]] {
            #expect(code(frames(keys)) == .badValue)
        }
    }

    // A run that no worker could take is to be refused before it is sent, not waited for.
    @Test func limitsHoldOnSendingToo() throws {
        let message = CoordinatorMessage.features(Self.description(rowCounts: [2, 3]))
        var limits = WireLimits()
        limits.chunkCountMax = 5
        #expect(try message.checkedFrames(limits) == message.encode())
        limits.chunkCountMax = 4
        let error = #expect(throws: WireError.self) { try message.checkedFrames(limits) }
        #expect(error?.code == .overLimit)
        limits = WireLimits()
        limits.featureByteCountMax = 19
        let large = #expect(throws: WireError.self) { try message.checkedFrames(limits) }
        #expect(large?.code == .overLimit)
        let wrong = #expect(throws: WireError.self) {
            try CoordinatorMessage.features(
                Self.description(rowCounts: [2, 3], classKeys: [4, 4])
            ).checkedFrames()
        }
        #expect(wrong?.code == .badValue)
        for sample in Samples.all {
            guard case .coordinator(let message) = sample else { continue }
            #expect(try message.checkedFrames() == message.encode())
        }
    }
}
