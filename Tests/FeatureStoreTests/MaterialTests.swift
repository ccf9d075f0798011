import FeatureStore
import Testing
import Transfer

/// Materials cut into chunks, and put together from them.
@Suite(.timeLimit(.minutes(4))) struct MaterialTests {
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
        let manifest = Self.chunks.manifest
        #expect(manifest.chunks.map(\.part) == [0, 0, 0, 0, 0, 0, 0, 2, 3, 3])
        #expect(manifest.chunks.map(\.first) == [0, 16, 32, 48, 64, 80, 96, 0, 0, 16])
        #expect(manifest.chunks.map(\.byteCount) == [16, 16, 16, 16, 16, 16, 4, 3, 16, 16])
        #expect(manifest.chunks.allSatisfy { $0.count == $0.byteCount })
        #expect(manifest.features == nil)
        #expect(manifest.sentShare == 1)
        #expect(
            manifest.content
                == .materials([
                    MaterialShape(name: "images", byteCount: 100),
                    MaterialShape(name: "nothing", byteCount: 0),
                    MaterialShape(name: "labels", byteCount: 3),
                    MaterialShape(name: "exact", byteCount: 32),
                ]))
        let all = manifest.chunks.indices.flatMap(bytes)
        #expect(all == Self.materials.items.flatMap(\.bytes))
        // No larger than a message takes, whatever is asked for.
        let large = Materials([
            Materials.Item(name: "x", bytes: [UInt8](repeating: 1, count: 3 << 20))
        ])
        #expect(MaterialChunks(large, chunkByteCountMax: .max).manifest.chunks.count == 3)
    }

    @Test func materialsSurviveAnyOrderAndRepetition() throws {
        let assembly = try MaterialAssembly(Self.chunks.manifest, byteCountMax: 135)
        for index in [9, 3, 0, 7, 3, 1, 2, 4, 5] { try assembly.insert(index, bytes(index)) }
        #expect(assembly.missing == [6, 8])
        #expect(try assembly.insert(9, bytes(9)) == .duplicate)
        #expect(throws: TransferError.self) { try assembly.finish() }
        for index in assembly.missing {
            #expect(try assembly.insert(index, bytes(index)) == .inserted)
        }
        #expect(assembly.isComplete)
        #expect(try assembly.finish() == Self.materials)
    }

    @Test func damagedChunksAreStillMissing() throws {
        let assembly = try MaterialAssembly(Self.chunks.manifest, byteCountMax: 1 << 20)
        func code(_ index: Int, _ bytes: [UInt8]) -> TransferError.Code? {
            do throws(TransferError) {
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

    @Test func wrongManifestsTakeNoMemory() throws {
        func code(
            byteCountMax: Int = 135, _ change: (inout ChunkManifest) -> Void
        ) -> TransferError.Code? {
            var manifest = Self.chunks.manifest
            change(&manifest)
            do throws(TransferError) {
                _ = try MaterialAssembly(manifest, byteCountMax: byteCountMax)
                return nil
            } catch { return error.code }
        }
        func images(_ byteCount: Int) -> ChunkManifest.Content {
            .materials([MaterialShape(name: "images", byteCount: byteCount)])
        }
        #expect(code { _ in } == nil)
        #expect(code(byteCountMax: 134) { _ in } == .tooLarge)
        #expect(code { $0.content = images(.max) } == .tooLarge)
        #expect(code(byteCountMax: .max) { $0.content = images(.max) } == .badManifest)
        #expect(code { $0.chunks.removeLast() } == .badManifest)
        let features = try FeatureChunks(sampleTable(featureCount: 1, classRowCounts: [1, 1]))
        #expect(code { $0 = features.manifest } == .badManifest)
    }
}
