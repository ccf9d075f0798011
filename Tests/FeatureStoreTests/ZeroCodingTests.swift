import FeatureStore
import Hashing
import Numerics
import Testing
import Transfer

/// Features with zeros, which are not sent.
@Suite struct ZeroCodingTests {
    /// Some share of zeros, and values that only look like zeros.
    private static func table(
        _ featureCount: Int, _ classRowCounts: [Int], zeroShare: Float
    ) -> FeatureTable {
        let table = sampleTable(featureCount: featureCount, classRowCounts: classRowCounts)
        unsafe table.features.withUnsafeMutableBufferPointer { floats in
            for index in floats.indices {
                let words = Philox.block(seed: 8, UInt32(index), 0, 0, 0)
                if Philox.uniform(words[0]) < zeroShare {
                    unsafe floats[index] = words[1] % 16 == 0 ? -0.0 : 0
                } else if words[1] % 16 == 0 {
                    unsafe floats[index] = .leastNonzeroMagnitude
                }
            }
        }
        return table
    }

    @Test(arguments: [
        (256, [1_024, 1_025, 0, 3_000], Float(0.6)), (1, [3, 0, 5], 1), (17, [4_000, 1], 0.9),
        (33, [31, 1], 0.5), (31, [1, 33], 1), (5, [100, 100], 0.3), (64, [40, 2], 0),
    ])
    func tablesSurvive(featureCount: Int, classRowCounts: [Int], zeroShare: Float) throws {
        let table = Self.table(featureCount, classRowCounts, zeroShare: zeroShare)
        let chunks = try FeatureChunks(table)
        let manifest = chunks.manifest
        let sent = manifest.chunks.reduce(0) { $0 + $1.byteCount }
        let whole = table.features.count * 4
        if zeroShare >= 0.3 {
            #expect(Double(sent) < Double(whole) * 0.9)
            if table.features.count > 1_000 {
                #expect(abs(manifest.sentShare - Double(1 - zeroShare * 15 / 16)) < 0.02)
            }
        } else {
            #expect(sent == whole)
            #expect(chunks.keeper === table.features)
            #expect(manifest.sentShare == 1)
        }
        let assembly = try FeatureAssembly(manifest, byteCountMax: 1 << 40)
        for index in manifest.chunks.indices.reversed() {
            #expect(chunks.bytes(index).count == manifest.chunks[index].byteCount)
            let insertion = try assembly.insert(index, chunks.bytes(index))
            #expect(insertion == .inserted)
        }
        let result = try assembly.finish()
        #expect(result.values.map(\.bitPattern) == table.values.map(\.bitPattern))
    }

    /// Whole chunks right behind and right before coded ones, whose coding uses a float up.
    @Test func chunksWithoutZerosStayWhole() throws {
        let sparse = Self.table(16, [100, 0, 100], zeroShare: 0.9)
        let dense = sampleTable(featureCount: 16, classRowCounts: [100])
        let values = sparse.values[..<1_600] + dense.values + sparse.values[1_600...]
        let buffer = FloatBuffer(count: values.count)
        unsafe buffer.withUnsafeMutableBufferPointer { _ = unsafe $0.update(from: values) }
        let table = FeatureTable(
            features: buffer, featureCount: 16, classRowCounts: [100, 100, 100])
        let chunks = try FeatureChunks(table, chunkByteCountMax: 3_200)
        let kinds = chunks.manifest.chunks.map { $0.byteCount == $0.count * 64 }
        #expect(kinds == [false, false, true, true, false, false])
        let assembly = try FeatureAssembly(chunks.manifest, byteCountMax: 1 << 20)
        for index in chunks.manifest.chunks.indices {
            try assembly.insert(index, chunks.bytes(index))
        }
        let result = try assembly.finish()
        #expect(result.values.map(\.bitPattern) == values.map(\.bitPattern))
    }

    // What another language reads: a bit for each number, then those that are not zero.
    @Test func theLayoutIsAsDocumented() throws {
        let buffer = FloatBuffer(count: 40)
        unsafe buffer.withUnsafeMutableBufferPointer { floats in
            unsafe floats[1] = 1
            unsafe floats[33] = -2.5
            unsafe floats[39] = -0.0
        }
        let table = FeatureTable(features: buffer, featureCount: 8, classRowCounts: [5, 0])
        let bytes = try FeatureChunks(table).bytes(0)
        #expect(
            bytes == [
                2, 0, 0, 0, 0x82, 0, 0, 0, 0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC0, 0, 0, 0, 0x80,
            ])
    }

    /// Codes that a peer hashed rightly, but that are none of its rows.
    @Test func falseCodesAreRefused() throws {
        let table = Self.table(8, [5, 0], zeroShare: 0.6)
        let chunks = try FeatureChunks(table)
        let good = chunks.bytes(0)
        func insert(_ bytes: [UInt8]) throws {
            var manifest = chunks.manifest
            manifest.chunks[0].byteCount = bytes.count
            manifest.chunks[0].hash = try #require(ContentHash(BLAKE2b.digest(bytes)))
            let assembly = try FeatureAssembly(manifest, byteCountMax: 1 << 20)
            try assembly.insert(0, bytes)
            #expect(try assembly.finish().values.count == 40)
        }
        try insert(good)
        // Every bit that is set or cleared, the 24 beyond the last number among them.
        for bit in 0..<64 {
            var changed = good
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            let error = #expect(throws: TransferError.self) { try insert(changed) }
            #expect(error?.code == .badContent)
        }
        for bytes in [good + [0, 0, 0x80, 0x3F], Array(good.dropLast(4)), Array(good.prefix(8))] {
            let error = #expect(throws: TransferError.self) { try insert(bytes) }
            #expect(error?.code == .badContent)
        }
        for bytes in [[], Array(good.prefix(4)), good + [0], Array(good.dropLast())] {
            let error = #expect(throws: TransferError.self) { try insert(bytes) }
            #expect(error?.code == .badManifest)
        }
        var infinite = good
        infinite.replaceSubrange(8..<12, with: [0, 0, 0x80, 0x7F])
        let error = #expect(throws: TransferError.self) { try insert(infinite) }
        #expect(error?.code == .notFinite)
    }
}
