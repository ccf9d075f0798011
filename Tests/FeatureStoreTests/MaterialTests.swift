import FeatureStore
import Testing

/// Materials cut into chunks, and put together from them.
@Suite struct MaterialTests {
    private static let materials = Materials([
        Materials.Item(name: "images", bytes: (0..<100).map { UInt8($0) }),
        Materials.Item(name: "nothing", bytes: []),
        Materials.Item(name: "labels", bytes: [7, 8, 9]),
        Materials.Item(name: "exact", bytes: [UInt8](repeating: 5, count: 32)),
    ])
    private static let chunks = MaterialChunks(materials, chunkByteCountMax: 16)

    private func bytes(_ index: Int) -> [UInt8] {
        unsafe Self.chunks.withUnsafeBytes(ofChunk: index) { unsafe [UInt8]($0) }
    }

    @Test func chunksCoverAllBytesInOrder() {
        #expect(Self.chunks.manifest.items.map(\.chunkHashes.count) == [7, 0, 1, 2])
        let all = (0..<Self.chunks.manifest.chunkCount).flatMap(bytes)
        #expect(all == Self.materials.items.flatMap(\.bytes))
        #expect(Self.chunks.manifest.place(ofChunk: 7).map { $0.item } == 2)
        #expect(Self.chunks.manifest.place(ofChunk: 10) == nil)
        #expect(Self.chunks.manifest.place(ofChunk: -1) == nil)
        #expect(Self.materials["labels"] == [7, 8, 9])
        #expect(Self.materials["none"] == nil)
        #expect(Self.materials.byteCount == 135)
        // No larger than a message takes, whatever is asked for.
        let large = Materials([
            Materials.Item(name: "x", bytes: [UInt8](repeating: 1, count: 3 << 20))
        ])
        #expect(MaterialChunks(large, chunkByteCountMax: .max).manifest.chunkCount == 3)
    }

    @Test func materialsSurviveAnyOrderAndRepetition() throws {
        let assembly = try MaterialAssembly(Self.chunks.manifest, byteCountMax: 135)
        for index in [9, 3, 0, 7, 3, 1, 2, 4, 5] { try assembly.insert(index, bytes(index)) }
        #expect(assembly.missing == [6, 8])
        #expect(try assembly.insert(9, bytes(9)) == .duplicate)
        #expect(throws: FeatureStoreError.self) { try assembly.finish() }
        for index in assembly.missing {
            #expect(try assembly.insert(index, bytes(index)) == .inserted)
        }
        #expect(assembly.isComplete)
        #expect(try assembly.finish() == Self.materials)
    }

    @Test func damagedChunksAreStillMissing() throws {
        let assembly = try MaterialAssembly(Self.chunks.manifest, byteCountMax: 1 << 20)
        func code(_ index: Int, _ bytes: [UInt8]) -> FeatureStoreError.Code? {
            do throws(FeatureStoreError) {
                try assembly.insert(index, bytes)
                return nil
            } catch { return error.code }
        }
        var damaged = bytes(0)
        damaged[15] ^= 1
        #expect(code(0, damaged) == .wrongHash)
        #expect(code(0, bytes(0) + [0]) == .wrongLength)
        #expect(code(0, []) == .wrongLength)
        #expect(code(10, bytes(0)) == .noSuchChunk)
        #expect(code(-1, bytes(0)) == .noSuchChunk)
        #expect(code(1, bytes(0)) == .wrongHash)
        #expect(assembly.missingCount == 10)
        #expect(code(0, bytes(0)) == nil)
    }

    @Test func threadsMayInsertAtOnce() async throws {
        let assembly = try MaterialAssembly(Self.chunks.manifest, byteCountMax: 1 << 20)
        let all = (0..<10).map(bytes)
        let inserted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    all.indices.count { (try? assembly.insert($0, all[$0])) == .inserted }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(inserted == 10)
        #expect(try assembly.finish() == Self.materials)
    }

    @Test func wrongManifestsTakeNoMemory() {
        func code(
            _ change: (inout MaterialManifest) -> Void, byteCountMax: Int = 135
        ) -> FeatureStoreError.Code? {
            var manifest = Self.chunks.manifest
            change(&manifest)
            do throws(FeatureStoreError) {
                _ = try MaterialAssembly(manifest, byteCountMax: byteCountMax)
                return nil
            } catch { return error.code }
        }
        #expect(code { _ in } == nil)
        #expect(code({ _ in }, byteCountMax: 134) == .tooLarge)
        #expect(code { $0.chunkByteCount = 0 } == .badManifest)
        #expect(code { $0.chunkByteCount = 2 << 20 } == .badManifest)
        #expect(code { $0.chunkByteCount = 15 } == .badManifest)
        #expect(code { $0.items[1].name = "images" } == .badManifest)
        #expect(code { $0.items[0].byteCount = -1 } == .tooLarge)
        #expect(code { $0.items[0].byteCount = .max } == .tooLarge)
        #expect(code({ $0.items[0].byteCount = .max }, byteCountMax: .max) == .badManifest)
        #expect(code { $0.items[0].chunkHashes.removeLast() } == .badManifest)
        #expect(code { $0.items[2].chunkHashes[0].removeLast() } == .badManifest)
    }
}
