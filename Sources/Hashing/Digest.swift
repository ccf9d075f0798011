import CSodium

/// An incremental SHA-256 (libsodium).
package struct SHA256: Sendable {
    private var state: crypto_hash_sha256_state

    /// A digest of nothing yet.
    package init() {
        state = crypto_hash_sha256_state()
        unsafe crypto_hash_sha256_init(&state)
    }

    /// Appends bytes as they lie in memory.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        let pointer = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        guard let pointer = unsafe pointer else { return }
        unsafe crypto_hash_sha256_update(&state, pointer, UInt64(bytes.count))
    }

    /// Appends bytes.
    package mutating func update(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe update($0) }
    }

    /// Appends floats, little-endian, as they lie in memory.
    package mutating func update(_ values: ArraySlice<Float>) {
        unsafe values.withUnsafeBytes { unsafe update($0) }
    }

    /// The 32-byte digest of everything appended so far.
    package func finalize() -> [UInt8] {
        var copy = state
        var digest = [UInt8](repeating: 0, count: 32)
        unsafe crypto_hash_sha256_final(&copy, &digest)
        return digest
    }
}

/// BLAKE2b with a 32-byte digest and no key: the name of a chunk.
package enum BLAKE2b {
    /// Bytes of a digest.
    package static let byteCount = 32

    // libsodium looks at the CPU once, here; before that it hashes by its slowest code. Whether it
    // found a source of random numbers too does not matter here.
    private static let isPrepared = sodium_init() >= 0

    /// The digest of bytes as they lie in memory.
    package static func digest(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        _ = isPrepared
        var digest = [UInt8](repeating: 0, count: byteCount)
        let pointer = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        _ = unsafe crypto_generichash(
            &digest, byteCount, pointer, UInt64(bytes.count), nil, 0)
        return digest
    }

    /// The digest of bytes.
    package static func digest(_ bytes: [UInt8]) -> [UInt8] {
        unsafe bytes.withUnsafeBytes { unsafe digest($0) }
    }
}

/// SHA-256 of arrays of numbers, one after the other, float32 little-endian, in hexadecimal.
package func hexadecimalSHA256(_ arrays: [[Float]]) -> String {
    var hash = SHA256()
    for array in arrays { hash.update(array[...]) }
    return hexadecimal(hash.finalize())
}

/// Bytes as lower-case hexadecimal.
package func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef")
    return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}
