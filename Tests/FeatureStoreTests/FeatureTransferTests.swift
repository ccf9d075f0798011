import FeatureStore
import Hashing
import Numerics
import Testing
import Transfer

/// A table whose value at (class, row, feature) says where it is.
///
/// - Parameter weights: of each row; nil if all weigh 1.
func sampleTable(
    featureCount: Int, classRowCounts: [Int], weights: [Float]? = nil
) -> FeatureTable {
    let rowCount = classRowCounts.reduce(0, +)
    let buffer = FloatBuffer(count: rowCount * featureCount)
    unsafe buffer.withUnsafeMutableBufferPointer { floats in
        for index in floats.indices {
            unsafe floats[index] = Float(index % 9_973) - 4_000.25
        }
    }
    return FeatureTable(
        features: buffer, featureCount: featureCount, classRowCounts: classRowCounts,
        rowWeights: weights.map { FloatBuffer($0) })
}

extension FeatureTable {
    var values: [Float] { unsafe features.withUnsafeBufferPointer { unsafe Array($0) } }

    /// None where rows have none.
    var weights: [Float] {
        unsafe rowWeights?.withUnsafeBufferPointer { unsafe Array($0) } ?? []
    }
}

extension FeatureChunks {
    func bytes(_ index: Int) -> [UInt8] {
        unsafe withUnsafeBytes(ofChunk: index) { unsafe [UInt8]($0) }
    }
}

private let unlimited = 1 << 40

/// From a table to chunks and back.
@Suite(.timeLimit(.minutes(4))) struct FeatureTransferTests {
    @Test(arguments: [
        (1, [3, 0, 5]), (17, [40_000, 1]), (256, [1_024, 1_025, 0, 3_000]), (2_048, [129, 128]),
        (262_144, [2, 1]), (3, [0, 0]),
    ])
    func tablesSurvive(featureCount: Int, classRowCounts: [Int]) throws {
        let table = sampleTable(featureCount: featureCount, classRowCounts: classRowCounts)
        let chunks = try FeatureChunks(table, chunkByteCountMax: 1 << 20)
        let manifest = chunks.manifest
        for chunk in manifest.chunks {
            #expect(chunk.byteCount <= 1 << 20)
            // A chunk is short only at its class's end.
            let isLast = chunk.first + chunk.count == classRowCounts[chunk.part]
            #expect(isLast || chunk.byteCount + featureCount * 4 > 1 << 20)
        }
        let assembly = try FeatureAssembly(manifest, byteCountMax: unlimited)
        #expect(assembly.missing == Array(manifest.chunks.indices))
        for index in manifest.chunks.indices.reversed() {
            #expect(assembly.missingCount == index + 1)
            let first = try assembly.insert(index, chunks.bytes(index))
            #expect(first == .inserted)
            let second = try assembly.insert(index, chunks.bytes(index))
            #expect(second == .duplicate)
        }
        #expect(assembly.isComplete)
        #expect(assembly.missing.isEmpty)
        let result = try assembly.finish()
        #expect(result.classRowCounts == classRowCounts)
        #expect(result.featureCount == featureCount)
        #expect(result.values == table.values)
    }

    // The payload is what another language reads: rows, float32 little-endian; b2sum names it.
    @Test func payloadsAreLittleEndianRows() throws {
        let buffer = FloatBuffer(count: 2)
        unsafe buffer.withUnsafeMutableBufferPointer { floats in
            unsafe floats[0] = 1
            unsafe floats[1] = -2.5
        }
        let table = FeatureTable(features: buffer, featureCount: 1, classRowCounts: [1, 1])
        let chunks = try FeatureChunks(table)
        #expect(chunks.bytes(0) == [0, 0, 0x80, 0x3F])
        #expect(chunks.bytes(1) == [0, 0, 0x20, 0xC0])
        #expect(chunks.manifest.chunks[1].hash.bytes == BLAKE2b.digest([0, 0, 0x20, 0xC0]))
    }

    @Test func chunksAreViewsOfTheTable() throws {
        let table = sampleTable(featureCount: 4, classRowCounts: [5, 6])
        let chunks = try FeatureChunks(table, chunkByteCountMax: 40)
        #expect(chunks.keeper === table.features)
        #expect(chunks.manifest.chunks.count == 3 + 3)
        let start = unsafe table.features.withUnsafeBufferPointer {
            UInt(bitPattern: $0.baseAddress)
        }
        let address = unsafe chunks.withUnsafeBytes(ofChunk: 4) {
            UInt(bitPattern: $0.baseAddress)
        }
        #expect(address == start + UInt((5 + 2) * 4 * 4))
    }

    /// Weights are chunks of their own behind those of the rows, which stay as they are.
    @Test(arguments: [([3, 0, 5], 4), ([300_000, 2], 3)])
    func weightsSurvive(classRowCounts: [Int], weightChunkCount: Int) throws {
        let rowCount = classRowCounts.reduce(0, +)
        let weights = (0..<rowCount).map { Float($0 % 1_000 + 1) / 7 }
        let plain = try FeatureChunks(sampleTable(featureCount: 2, classRowCounts: classRowCounts))
        let table = sampleTable(
            featureCount: 2, classRowCounts: classRowCounts, weights: weights)
        let chunks = try FeatureChunks(table)
        let manifest = chunks.manifest
        let rowChunkCount = plain.manifest.chunks.count
        #expect(manifest.features?.isWeighted == true)
        #expect(Array(manifest.chunks.prefix(rowChunkCount)) == plain.manifest.chunks)
        let isView = unsafe chunks.lend(chunk: rowChunkCount) { $1 === table.rowWeights }
        #expect(isView)
        #expect(manifest.byteCount == rowCount * 12)
        let assembly = try FeatureAssembly(manifest, byteCountMax: rowCount * 12)
        for index in manifest.chunks.indices.reversed() {
            let bytes = chunks.bytes(index)
            #expect(bytes.count <= 1 << 20)
            try assembly.insert(index, bytes)
        }
        let result = try assembly.finish()
        #expect(result.values == table.values)
        #expect(result.weights == weights)
        #expect(result.weightSum(of: 0) == table.weightSum(of: 0))
    }

    @Test(arguments: [0, -0.0, -1, .nan, .infinity] as [Float])
    func weightsThatAreNotAboveZeroAreRefused(value: Float) throws {
        let good = sampleTable(
            featureCount: 3, classRowCounts: [2, 2], weights: [1, 2, 3, 4])
        let bad = sampleTable(
            featureCount: 3, classRowCounts: [2, 2], weights: [1, 2, 3, value])
        let error = #expect(throws: TransferError.self) { try FeatureChunks(bad) }
        #expect(error?.code == .badWeight)
        #expect(error?.message.contains("class 1") == true)
        // A peer that hashes such bytes is refused just so.
        let bytes = unsafe [3, value].withUnsafeBytes { unsafe [UInt8]($0) }
        var manifest = try FeatureChunks(good).manifest
        manifest.chunks[3].hash = try #require(ContentHash(BLAKE2b.digest(bytes)))
        let assembly = try FeatureAssembly(manifest, byteCountMax: unlimited)
        let refusal = #expect(throws: TransferError.self) { try assembly.insert(3, bytes) }
        #expect(refusal?.code == .badWeight)
        #expect(assembly.missing == [0, 1, 2, 3])
    }

    @Test func equalChunksHaveEqualNames() throws {
        let table = FeatureTable(
            features: FloatBuffer(count: 8), featureCount: 2, classRowCounts: [2, 2])
        let chunks = try FeatureChunks(table)
        #expect(chunks.manifest.chunks[0].hash == chunks.manifest.chunks[1].hash)
        let assembly = try FeatureAssembly(chunks.manifest, byteCountMax: unlimited)
        try assembly.insert(0, chunks.bytes(0))
        #expect(assembly.missing == [1])
    }

    @Test func aRowLargerThanAChunkIsRefused() {
        let table = FeatureTable(
            features: FloatBuffer(count: 262_145), featureCount: 262_145, classRowCounts: [1])
        let error = #expect(throws: TransferError.self) { try FeatureChunks(table) }
        #expect(error?.code == .rowTooLarge)
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity, .signalingNaN])
    func featuresThatAreNotFiniteAreRefused(value: Float) throws {
        let good = sampleTable(featureCount: 3, classRowCounts: [4, 4])
        let buffer = FloatBuffer(count: 24)
        unsafe buffer.withUnsafeMutableBufferPointer { unsafe $0[17] = value }
        let bad = FeatureTable(features: buffer, featureCount: 3, classRowCounts: [4, 4])
        let error = #expect(throws: TransferError.self) { try FeatureChunks(bad) }
        #expect(error?.code == .notFinite)
        #expect(error?.message.contains("class 1") == true)
        // A peer that hashes such bytes is refused just so.
        let bytes = unsafe buffer.withUnsafeBufferPointer {
            unsafe [UInt8](UnsafeRawBufferPointer($0)[48..<96])
        }
        var manifest = try FeatureChunks(good).manifest
        manifest.chunks[1].hash = try #require(ContentHash(BLAKE2b.digest(bytes)))
        let assembly = try FeatureAssembly(manifest, byteCountMax: unlimited)
        let refusal = #expect(throws: TransferError.self) { try assembly.insert(1, bytes) }
        #expect(refusal?.code == .notFinite)
        #expect(assembly.missing == [0, 1])
    }

    @Test func everyFlippedBitIsRefused() throws {
        let chunks = try FeatureChunks(sampleTable(featureCount: 5, classRowCounts: [3]))
        let assembly = try FeatureAssembly(chunks.manifest, byteCountMax: unlimited)
        let bytes = chunks.bytes(0)
        for bit in 0..<bytes.count * 8 {
            var flipped = bytes
            flipped[bit / 8] ^= 1 << UInt8(bit % 8)
            let error = #expect(throws: TransferError.self) {
                try assembly.insert(0, flipped)
            }
            #expect(error?.code == .wrongHash)
        }
        for count in 0..<bytes.count {
            let error = #expect(throws: TransferError.self) {
                try assembly.insert(0, Array(bytes.prefix(count)))
            }
            #expect(error?.code == .wrongLength)
        }
        for index in [-1, 1, Int.max, Int.min] {
            let error = #expect(throws: TransferError.self) {
                try assembly.insert(index, bytes)
            }
            #expect(error?.code == .noSuchChunk)
        }
        let early = #expect(throws: TransferError.self) { try assembly.finish() }
        #expect(early?.code == .incomplete)
        // None of it did harm.
        let insertion = try assembly.insert(0, bytes)
        #expect(insertion == .inserted)
        let table = try assembly.finish()
        #expect(table.values == sampleTable(featureCount: 5, classRowCounts: [3]).values)
    }

    @Test func anyNumberOfThreadsMayInsert() async throws {
        let source = sampleTable(featureCount: 16, classRowCounts: [700, 301])
        let chunks = try FeatureChunks(source, chunkByteCountMax: 1_024)
        let assembly = try FeatureAssembly(chunks.manifest, byteCountMax: unlimited)
        let indices = Array(chunks.manifest.chunks.indices)
        // Each of them brings every chunk, and a damaged one before it.
        let counts = await withTaskGroup(of: Int.self) { group in
            for start in 0..<8 {
                group.addTask {
                    var count = 0
                    for index in indices {
                        let index = indices[(index + start * 7) % indices.count]
                        let bytes = chunks.bytes(index)
                        let damaged = [bytes[0] ^ 1] + bytes.dropFirst()
                        _ = ChunkBytes(damaged).insert(as: index, into: assembly)
                        if case .success(.inserted) = ChunkBytes(bytes).insert(
                            as: index, into: assembly)
                        {
                            count += 1
                        }
                    }
                    return count
                }
            }
            return await group.reduce(0, +)
        }
        // A whole one that met a damaged one under way counts as a duplicate, and comes again.
        for index in assembly.missing {
            let last = try assembly.insert(index, chunks.bytes(index))
            #expect(last == .inserted)
        }
        #expect(counts <= indices.count)
        #expect(assembly.missingCount == 0)
        let table = try assembly.finish()
        #expect(table.values == source.values)
    }

    // What random numbers are drawn by: a worker must have the same keys as the coordinator.
    @Test func classKeysSurvive() throws {
        let sample = sampleTable(featureCount: 2, classRowCounts: [3, 0, 2])
        let table = FeatureTable(
            features: sample.features, featureCount: 2, classRowCounts: [3, 0, 2],
            classKeys: [7, 1 << 40, 0])
        let chunks = try FeatureChunks(table)
        #expect(chunks.manifest.features?.classKeys == [7, 1 << 40, 0])
        let assembly = try FeatureAssembly(chunks.manifest, byteCountMax: unlimited)
        for index in chunks.manifest.chunks.indices {
            try assembly.insert(index, chunks.bytes(index))
        }
        let result = try assembly.finish()
        #expect(result.classKeys == [7, 1 << 40, 0])
        #expect(result.values == table.values)
        let plain = try FeatureChunks(sample)
        #expect(plain.manifest.features?.classKeys == [0, 1, 2])
        #expect(plain.manifest.chunks == chunks.manifest.chunks)
    }

    // A petabyte that were allocated before it was refused would end the test program.
    @Test func wrongManifestsTakeNoMemory() throws {
        func code(
            byteCountMax: Int = 1 << 30, _ change: (inout ChunkManifest) -> Void
        ) throws -> TransferError.Code? {
            var manifest = try FeatureChunks(
                sampleTable(featureCount: 2, classRowCounts: [6, 3])
            ).manifest
            change(&manifest)
            do throws(TransferError) {
                _ = try FeatureAssembly(manifest, byteCountMax: byteCountMax)
                return nil
            } catch { return error.code }
        }
        func rows(_ count: Int) -> ChunkManifest.Content {
            .features(FeatureShape(featureCount: 2, classRowCounts: [count, 3]))
        }
        #expect(try code { _ in } == nil)
        #expect(try code(byteCountMax: 72) { _ in } == nil)
        #expect(try code(byteCountMax: 71) { _ in } == .tooLarge)
        #expect(try code { $0.content = rows(1 << 47) } == .tooLarge)
        #expect(try code { $0.content = rows(.max) } == .tooLarge)
        #expect(try code { $0.content = rows(7) } == .badManifest)
        #expect(try code { $0.chunks.remove(at: 0) } == .badManifest)
        #expect(
            try code { $0 = MaterialChunks(Materials([])).manifest } == .badManifest)
    }

    @Test func unalignedBytesAreTaken() throws {
        let chunks = try FeatureChunks(sampleTable(featureCount: 2, classRowCounts: [2]))
        let assembly = try FeatureAssembly(chunks.manifest, byteCountMax: unlimited)
        let shifted: [UInt8] = [0] + chunks.bytes(0)
        let insertion = try unsafe shifted.withUnsafeBytes {
            try unsafe assembly.insert(0, UnsafeRawBufferPointer(rebasing: $0[1...]))
        }
        #expect(insertion == .inserted)
    }
}
