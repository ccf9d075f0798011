import FeatureStore
import Testing

/// Manifests a peer might send.
@Suite struct FeatureManifestTests {
    /// Class 0 with rows 0..<4 and 4..<6, class 1 with rows 0..<3; two features.
    private func manifest() -> FeatureManifest {
        let hash = [UInt8](repeating: 1, count: 32)
        return FeatureManifest(
            featureCount: 2, classRowCounts: [6, 3],
            chunks: [
                ChunkEntry(classIndex: 0, firstRow: 0, rowCount: 4, byteCount: 32, hash: hash),
                ChunkEntry(classIndex: 0, firstRow: 4, rowCount: 2, byteCount: 16, hash: hash),
                ChunkEntry(classIndex: 1, firstRow: 0, rowCount: 3, byteCount: 24, hash: hash),
            ])
    }

    @Test func aWholeManifestIsTakenInAnyOrder() throws {
        var manifest = manifest()
        let rowCount = try manifest.validate(byteCountMax: 72)
        #expect(rowCount == 9)
        manifest.chunks.reverse()
        try manifest.validate(byteCountMax: 72)
    }

    @Test func moreThanTheLimitIsRefused() {
        let error = #expect(throws: FeatureStoreError.self) {
            try FeatureAssembly(manifest(), byteCountMax: 71)
        }
        #expect(error?.code == .tooLarge)
    }

    private struct Damage: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let code: FeatureStoreError.Code
        let apply: @Sendable (inout FeatureManifest) -> Void

        init(
            _ name: String, _ code: FeatureStoreError.Code = .badManifest,
            _ apply: @escaping @Sendable (inout FeatureManifest) -> Void
        ) {
            testDescription = name
            self.code = code
            self.apply = apply
        }
    }

    private static let damages: [Damage] = [
        Damage("a hole") { $0.chunks.remove(at: 0) },
        Damage("a missing end") { $0.chunks.remove(at: 1) },
        Damage("a missing class") { $0.chunks.remove(at: 2) },
        Damage("no chunks") { $0.chunks = [] },
        Damage("a chunk twice") { $0.chunks.append($0.chunks[1]) },
        Damage("an overlap") { $0.chunks[1].firstRow = 3 },
        Damage("an overlap that adds up") {
            $0.chunks[1].firstRow = 2
            $0.chunks[0].rowCount = 4
        },
        Damage("too many rows") { $0.classRowCounts[0] = 5 },
        Damage("too few rows") { $0.classRowCounts[1] = 4 },
        Damage("a class not there") { $0.chunks[2].classIndex = 2 },
        Damage("a negative class") { $0.chunks[2].classIndex = -1 },
        Damage("no row") { $0.chunks[2].rowCount = 0 },
        Damage("negative rows") { $0.chunks[2].rowCount = -3 },
        Damage("the most rows") { $0.chunks[2].rowCount = .max },
        Damage("a negative first row") { $0.chunks[2].firstRow = -1 },
        Damage("the last first row") { $0.chunks[2].firstRow = .max },
        Damage("wrong bytes") { $0.chunks[0].byteCount = 31 },
        Damage("a short hash") { $0.chunks[0].hash.removeLast() },
        Damage("no hash") { $0.chunks[0].hash = [] },
        Damage("no features") { $0.featureCount = 0 },
        Damage("negative features") { $0.featureCount = -2 },
        Damage("the most features") { $0.featureCount = .max },
        Damage("negative class rows") { $0.classRowCounts[0] = -6 },
        Damage("no classes") { $0.classRowCounts = [] },
        Damage("the most class rows", .tooLarge) { $0.classRowCounts[0] = .max },
        Damage("class rows that overflow", .tooLarge) { $0.classRowCounts = [.max, .max] },
        Damage("a petabyte", .tooLarge) { $0.classRowCounts[0] = 1 << 47 },
        Damage("a chunk over its limit") {
            let hash = $0.chunks[0].hash
            $0.classRowCounts = [131_073]
            $0.chunks = [
                ChunkEntry(
                    classIndex: 0, firstRow: 0, rowCount: 131_073, byteCount: 1_048_584, hash: hash)
            ]
        },
    ]

    // A petabyte that were allocated before it was refused would end the test program.
    @Test(arguments: damages) private func aWrongManifestIsRefused(damage: Damage) {
        var manifest = manifest()
        damage.apply(&manifest)
        let error = #expect(throws: FeatureStoreError.self) {
            try FeatureAssembly(manifest, byteCountMax: 1 << 30)
        }
        #expect(error?.code == damage.code)
    }
}
