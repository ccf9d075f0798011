import Testing
import Transfer

/// A hash that is told apart from others by its number.
func contentHash(_ number: Int) -> ContentHash {
    let bytes = (0..<ContentHash.byteCount).map { index in
        index < 8 ? UInt8(truncatingIfNeeded: number >> (8 * index)) : 0xA5
    }
    guard let hash = ContentHash(bytes) else { preconditionFailure("a hash has 32 bytes") }
    return hash
}

/// What a manifest may have that a peer sent.
private struct Damage: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let code: TransferError.Code
    let apply: @Sendable (inout ChunkManifest) -> Void

    init(
        _ name: String, _ code: TransferError.Code = .badManifest,
        _ apply: @escaping @Sendable (inout ChunkManifest) -> Void
    ) {
        testDescription = name
        self.code = code
        self.apply = apply
    }

    /// A damage of the features' shape.
    static func shape(
        _ name: String, _ code: TransferError.Code = .badManifest,
        _ apply: @escaping @Sendable (inout FeatureShape) -> Void
    ) -> Damage {
        Damage(name, code) { manifest in
            guard var shape = manifest.features else { return }
            apply(&shape)
            manifest.content = .features(shape)
        }
    }

    /// A damage of the list of materials.
    static func list(
        _ name: String, _ code: TransferError.Code = .badManifest,
        _ apply: @escaping @Sendable (inout [MaterialShape]) -> Void
    ) -> Damage {
        Damage(name, code) { manifest in
            guard case .materials(var list) = manifest.content else { return }
            apply(&list)
            manifest.content = .materials(list)
        }
    }
}

/// Manifests of features that a peer might send.
@Suite struct FeatureManifestTests {
    /// Class 0 with rows 0..<4 and 4..<6, class 1 with rows 0..<3; two features.
    private func manifest() -> ChunkManifest {
        ChunkManifest(
            .features(FeatureShape(featureCount: 2, classRowCounts: [6, 3])),
            chunks: [
                Chunk(part: 0, first: 0, count: 4, byteCount: 32, hash: contentHash(1)),
                Chunk(part: 0, first: 4, count: 2, byteCount: 16, hash: contentHash(1)),
                Chunk(part: 1, first: 0, count: 3, byteCount: 24, hash: contentHash(1)),
            ])
    }

    @Test func aWholeManifestIsTakenInAnyOrder() throws {
        var manifest = manifest()
        let byteCount = try manifest.validate(byteCountMax: 72)
        #expect(byteCount == 72)
        manifest.chunks.reverse()
        try manifest.validate(byteCountMax: 72)
        #expect(manifest.byteCount == 72)
        #expect(manifest.sentShare == 1)
        #expect(manifest.features?.rowCount == 9)
    }

    @Test func rowsMayComeWithoutTheirZeros() throws {
        var manifest = manifest()
        // 8 numbers: a word of bits, and one that is no zero.
        manifest.chunks[0].byteCount = 8
        try manifest.validate(byteCountMax: 72)
        #expect(manifest.byteCount == 48)
        #expect(manifest.sentShare == (1 + 4 + 6) / 18.0)
    }

    /// The weights of each class are parts behind those of the rows, 4 bytes a unit.
    private func weightedManifest() -> ChunkManifest {
        var manifest = manifest()
        manifest.content = .features(
            FeatureShape(featureCount: 2, classRowCounts: [6, 3], isWeighted: true))
        manifest.chunks += [
            Chunk(part: 3, first: 0, count: 3, byteCount: 12, hash: contentHash(2)),
            Chunk(part: 2, first: 0, count: 6, byteCount: 24, hash: contentHash(2)),
        ]
        return manifest
    }

    @Test func rowsMayHaveWeights() throws {
        var weighted = weightedManifest()
        #expect(try weighted.validate(byteCountMax: 108) == 108)
        #expect(weighted.byteCount == 108)
        #expect(throws: TransferError.self) { try weighted.validate(byteCountMax: 107) }
        // Of rows, weights say nothing.
        #expect(weighted.sentShare == 1)
        weighted.chunks[0].byteCount = 8
        try weighted.validate(byteCountMax: 108)
        #expect(weighted.sentShare == (1 + 4 + 6) / 18.0)
        // Not all of them, more than there are, or without their zeros.
        weighted = weightedManifest()
        for damage in [
            { $0.chunks.removeLast() },
            { $0.chunks[4].part = 4 },
            { $0.chunks[4].part = 0 },
            { $0.chunks[4].byteCount = 4 },
            { $0.chunks[4].byteCount = 48 },
            { $0.chunks[4].count = 7 },
            { $0.content = .features(FeatureShape(featureCount: 2, classRowCounts: [6, 3])) },
        ] as [(inout ChunkManifest) -> Void] {
            var damaged = weighted
            damage(&damaged)
            let error = #expect(throws: TransferError.self) {
                try damaged.validate(byteCountMax: 1 << 20)
            }
            #expect(error?.code == .badManifest)
        }
    }

    @Test func classesHaveKeysOfTheirOwn() throws {
        let shape = FeatureShape(featureCount: 2, classRowCounts: [6, 3])
        #expect(shape.classKeys == [0, 1])
        var manifest = manifest()
        manifest.content = .features(
            FeatureShape(featureCount: 2, classRowCounts: [6, 3], classKeys: [.max, 0]))
        try manifest.validate(byteCountMax: 72)
        #expect(manifest != self.manifest())
    }

    @Test func moreThanTheLimitIsRefused() {
        let error = #expect(throws: TransferError.self) {
            try manifest().validate(byteCountMax: 71)
        }
        #expect(error?.code == .tooLarge)
    }

    private static let damages: [Damage] = [
        Damage("a hole") { $0.chunks.remove(at: 0) },
        Damage("a missing end") { $0.chunks.remove(at: 1) },
        Damage("a missing class") { $0.chunks.remove(at: 2) },
        Damage("no chunks") { $0.chunks = [] },
        Damage("a chunk twice") { $0.chunks.append($0.chunks[1]) },
        Damage("an overlap") { $0.chunks[1].first = 3 },
        Damage("an overlap that adds up") {
            $0.chunks[1].first = 2
            $0.chunks[0].count = 4
        },
        .shape("too many rows") { $0.classRowCounts[0] = 5 },
        .shape("too few rows") { $0.classRowCounts[1] = 4 },
        Damage("a class not there") { $0.chunks[2].part = 2 },
        Damage("a negative class") { $0.chunks[2].part = -1 },
        Damage("no row") { $0.chunks[2].count = 0 },
        Damage("negative rows") { $0.chunks[2].count = -3 },
        Damage("the most rows") { $0.chunks[2].count = .max },
        Damage("a negative first row") { $0.chunks[2].first = -1 },
        Damage("the last first row") { $0.chunks[2].first = .max },
        Damage("wrong bytes") { $0.chunks[0].byteCount = 31 },
        Damage("more bytes than its rows") { $0.chunks[0].byteCount = 36 },
        Damage("fewer bytes than its bits") { $0.chunks[0].byteCount = 0 },
        Damage("negative bytes") { $0.chunks[0].byteCount = -4 },
        .shape("no features") { $0.featureCount = 0 },
        .shape("negative features") { $0.featureCount = -2 },
        .shape("the most features") { $0.featureCount = .max },
        .shape("more features than a chunk holds") { $0.featureCount = 1 << 18 + 1 },
        .shape("negative class rows") { $0.classRowCounts[0] = -6 },
        .shape("no classes") {
            $0.classRowCounts = []
            $0.classKeys = []
        },
        .shape("a key too few") { $0.classKeys = [0] },
        .shape("a key too many") { $0.classKeys = [0, 1, 2] },
        .shape("a key twice") { $0.classKeys = [7, 7] },
        .shape("the most class rows", .tooLarge) { $0.classRowCounts[0] = .max },
        .shape("class rows that overflow", .tooLarge) { $0.classRowCounts = [.max, .max] },
        .shape("a petabyte", .tooLarge) { $0.classRowCounts[0] = 1 << 47 },
        Damage("a chunk over its limit") {
            $0.content = .features(FeatureShape(featureCount: 2, classRowCounts: [131_073]))
            $0.chunks = [
                Chunk(
                    part: 0, first: 0, count: 131_073, byteCount: 1_048_584,
                    hash: contentHash(1))
            ]
        },
        Damage("a coded chunk whose rows are over the limit") {
            $0.content = .features(FeatureShape(featureCount: 2, classRowCounts: [131_073]))
            $0.chunks = [
                Chunk(part: 0, first: 0, count: 131_073, byteCount: 65_536, hash: contentHash(1))
            ]
        },
        Damage("more chunks than there may be", .tooLarge) {
            $0.chunks = [Chunk](repeating: $0.chunks[0], count: ChunkManifest.chunkCountMax + 1)
        },
    ]

    @Test(arguments: damages) private func aWrongManifestIsRefused(damage: Damage) {
        var manifest = manifest()
        damage.apply(&manifest)
        #expect(manifest != self.manifest())
        let error = #expect(throws: TransferError.self) {
            try manifest.validate(byteCountMax: 1 << 30)
        }
        #expect(error?.code == damage.code)
    }
}

/// Manifests of materials that a peer might send.
@Suite struct MaterialManifestTests {
    /// Two materials in three chunks, and one of no bytes.
    private func manifest() -> ChunkManifest {
        ChunkManifest(
            .materials([
                MaterialShape(name: "images", byteCount: 25),
                MaterialShape(name: "nothing", byteCount: 0),
                MaterialShape(name: "labels", byteCount: 3),
            ]),
            chunks: [
                Chunk(part: 0, first: 0, count: 16, byteCount: 16, hash: contentHash(1)),
                Chunk(part: 0, first: 16, count: 9, byteCount: 9, hash: contentHash(2)),
                Chunk(part: 2, first: 0, count: 3, byteCount: 3, hash: contentHash(3)),
            ])
    }

    @Test func aWholeManifestIsTakenInAnyOrder() throws {
        var manifest = manifest()
        #expect(try manifest.validate(byteCountMax: 28) == 28)
        manifest.chunks.reverse()
        #expect(try manifest.validate(byteCountMax: 28) == 28)
        #expect(manifest.byteCount == 28)
        #expect(manifest.sentShare == 1)
        #expect(manifest.features == nil)
        #expect(try ChunkManifest(.materials([]), chunks: []).validate(byteCountMax: 0) == 0)
    }

    @Test func moreThanTheLimitIsRefused() {
        let error = #expect(throws: TransferError.self) {
            try manifest().validate(byteCountMax: 27)
        }
        #expect(error?.code == .tooLarge)
    }

    private static let damages: [Damage] = [
        .list("a name twice") { $0[1].name = "images" },
        .list("negative bytes") { $0[0].byteCount = -1 },
        .list("a byte too few") { $0[0].byteCount = 24 },
        .list("a byte too many") { $0[0].byteCount = 26 },
        .list("the most bytes", .tooLarge) { $0[0].byteCount = .max },
        .list("bytes that overflow", .tooLarge) { list in
            for index in list.indices { list[index].byteCount = .max }
        },
        .list("bytes where there are none") { $0[1].byteCount = 1 },
        .list("a material too few") { $0.removeLast() },
        Damage("a missing chunk") { $0.chunks.removeLast() },
        Damage("a hole") { $0.chunks.remove(at: 0) },
        Damage("a chunk twice") { $0.chunks.append($0.chunks[2]) },
        Damage("an overlap") { $0.chunks[1].first = 15 },
        Damage("a chunk of no bytes") {
            $0.chunks.append(
                Chunk(part: 1, first: 0, count: 0, byteCount: 0, hash: contentHash(4)))
        },
        Damage("fewer bytes than units") { $0.chunks[0].byteCount = 15 },
        Damage("more bytes than units") { $0.chunks[0].byteCount = 20 },
        Damage("a material not there") { $0.chunks[2].part = 3 },
        Damage("the last first byte") { $0.chunks[2].first = .max },
        Damage("a chunk over its limit") {
            let count = 1 << 20 + 1
            $0.content = .materials([MaterialShape(name: "images", byteCount: count)])
            $0.chunks = [
                Chunk(part: 0, first: 0, count: count, byteCount: count, hash: contentHash(1))
            ]
        },
    ]

    @Test(arguments: damages) private func aWrongManifestIsRefused(damage: Damage) {
        var manifest = manifest()
        damage.apply(&manifest)
        #expect(manifest != self.manifest())
        let error = #expect(throws: TransferError.self) {
            try manifest.validate(byteCountMax: 1 << 30)
        }
        #expect(error?.code == damage.code)
    }
}

/// Parts cut into chunks, and what names them.
@Suite struct ChunkTests {
    private func pieces(
        _ partCounts: [Int], unitByteCount: Int, byteCountMax: Int = ChunkManifest.chunkByteCountMax
    ) -> [[Int]] {
        ChunkManifest.cut(
            partCounts: partCounts, unitByteCount: unitByteCount, byteCountMax: byteCountMax
        ).map { [$0.part, $0.first, $0.count] }
    }

    // Small enough to be seen coming over a slow link, and never too many.
    @Test func chunksGrowWithWhatIsSent() {
        for (total, expected) in [
            (0, 64 << 10), (6 << 20, 64 << 10), (64 << 20, 256 << 10), (256 << 20, 1 << 20),
            (64 << 30, 1 << 20),
        ] {
            #expect(ChunkManifest.chunkByteCount(ofTotal: total) == expected)
        }
        let few = ChunkManifest.cut(partCounts: [600, 5, 600], unitByteCount: 1_024)
        #expect(few.map(\.count).max() == 64)
        #expect(few.map(\.count).reduce(0, +) == 1_205)
        // A row is never cut.
        let wide = ChunkManifest.cut(partCounts: [2, 1], unitByteCount: 1 << 20)
        #expect(
            wide.map { [$0.part, $0.first, $0.count] } == [[0, 0, 1], [0, 1, 1], [1, 0, 1]])
    }

    @Test func partsAreCutIntoTheLargestPieces() {
        #expect(
            pieces([10, 0, 4], unitByteCount: 3, byteCountMax: 14)
                == [[0, 0, 4], [0, 4, 4], [0, 8, 2], [2, 0, 4]])
        #expect(pieces([2], unitByteCount: 5, byteCountMax: 5) == [[0, 0, 1], [0, 1, 1]])
        #expect(pieces([], unitByteCount: 1) == [])
        #expect(pieces([0, 0], unitByteCount: 1) == [])
        #expect(pieces([1 << 20 + 1], unitByteCount: 1) == [[0, 0, 1 << 20], [0, 1 << 20, 1]])
        #expect(
            pieces([300_000], unitByteCount: 4) == [[0, 0, 262_144], [0, 262_144, 37_856]])
    }

    // Whatever is cut is what is validated.
    @Test(arguments: [1, 7, 256, 262_144]) func whatIsCutIsWhole(featureCount: Int) throws {
        let shape = FeatureShape(featureCount: featureCount, classRowCounts: [5, 0, 1_000])
        let chunks = ChunkManifest.cut(
            partCounts: shape.classRowCounts, unitByteCount: 4 * featureCount
        ).map {
            Chunk(
                part: $0.part, first: $0.first, count: $0.count,
                byteCount: $0.count * 4 * featureCount, hash: contentHash($0.first))
        }
        let manifest = ChunkManifest(.features(shape), chunks: chunks)
        #expect(try manifest.validate(byteCountMax: 1 << 40) == 1_005 * 4 * featureCount)
    }

    @Test func hashesAreAllOfTheirBytes() throws {
        let bytes = (0..<32).map { UInt8(255 - $0) }
        let hash = try #require(ContentHash(bytes))
        #expect(hash.bytes == bytes)
        #expect(ContentHash(bytes[...]) == hash)
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 1
            #expect(ContentHash(changed) != hash)
        }
        #expect(ContentHash(bytes.dropLast()) == nil)
        #expect(ContentHash(bytes + [0]) == nil)
        #expect(ContentHash([] as [UInt8]) == nil)
    }
}
