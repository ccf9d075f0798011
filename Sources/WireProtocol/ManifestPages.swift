import Numerics
import Transfer

/// The chunks of a manifest as frames: pages of so many chunks each, so that no frame grows with
/// the run.
enum ManifestPages {
    /// Chunks on every page but the last.
    static let chunkCount = 16_384
    /// Bytes of a chunk on a page: part, first unit, units, bytes as sent, hash.
    static let recordByteCount = 20 + ContentHash.byteCount

    static func encode(_ chunks: [Chunk]) -> [[UInt8]] {
        stride(from: 0, to: chunks.count, by: chunkCount).map { start in
            let page = chunks[start..<min(start + chunkCount, chunks.count)]
            var bytes: [UInt8] = []
            bytes.reserveCapacity(page.count * recordByteCount)
            for chunk in page {
                append(UInt64(clamping: chunk.part), 4, to: &bytes)
                append(UInt64(clamping: chunk.first), 8, to: &bytes)
                append(UInt64(clamping: chunk.count), 4, to: &bytes)
                append(UInt64(clamping: chunk.byteCount), 4, to: &bytes)
                bytes += chunk.hash.bytes
            }
            return bytes
        }
    }

    /// Reads the pages behind an envelope that announces `chunkCount` chunks.
    ///
    /// - Parameter framesBehind: frames that belong behind the pages.
    static func decode(
        _ payload: Payload, chunkCount count: UInt32, framesBehind: Int, _ limits: WireLimits
    ) throws(WireError) -> [Chunk] {
        let count = Int(count)
        try Check.length(count, "chunks", max: limits.chunkCountMax)
        let pageCount = (count + chunkCount - 1) / chunkCount
        let pages = try payload.pages(pageCount, framesBehind: framesBehind)
        var chunks: [Chunk] = []
        for (index, page) in pages.enumerated() {
            let expected = min(chunkCount, count - index * chunkCount)
            guard page.count == expected * recordByteCount else {
                throw .badValue(
                    "\(page.count.counted("byte")) of a page of \(expected.counted("chunk"))")
            }
            if chunks.isEmpty { chunks.reserveCapacity(count) }
            for record in 0..<expected {
                let start = record * recordByteCount
                let hash = page[start + 20..<start + recordByteCount]
                // The largest first unit is checked against its part's, so it may be any number.
                guard let first = Int(exactly: number(page, start + 4, 8)),
                    let content = ContentHash(hash)
                else { throw .badValue("a chunk's first unit is beyond all units") }
                let byteCount = Int(number(page, start + 16, 4))
                try Check.length(byteCount, "bytes of a chunk", max: limits.chunkByteCountMax)
                chunks.append(
                    Chunk(
                        part: Int(number(page, start, 4)), first: first,
                        count: Int(number(page, start + 12, 4)), byteCount: byteCount,
                        hash: content))
            }
        }
        return chunks
    }

    private static func append(_ value: UInt64, _ byteCount: Int, to bytes: inout [UInt8]) {
        for index in 0..<byteCount {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index)))
        }
    }

    private static func number(_ bytes: [UInt8], _ start: Int, _ byteCount: Int) -> UInt64 {
        (0..<byteCount).reduce(0) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) }
    }
}
