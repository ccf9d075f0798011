/// The hash that names a chunk: BLAKE2b-256 of its bytes as they are sent.
package struct ContentHash: Hashable, Sendable {
    /// Bytes of a hash.
    package static let byteCount = 32

    private let words: SIMD4<UInt64>

    /// The hash of these bytes; nil unless there are ``byteCount`` of them.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var words = SIMD4<UInt64>.zero
        for (index, byte) in bytes.enumerated() {
            words[index / 8] |= UInt64(byte) << UInt64(8 * (index % 8))
        }
        self.words = words
    }

    /// The bytes, in order.
    package var bytes: [UInt8] {
        (0..<Self.byteCount).map {
            UInt8(truncatingIfNeeded: words[$0 / 8] >> UInt64(8 * ($0 % 8)))
        }
    }
}
