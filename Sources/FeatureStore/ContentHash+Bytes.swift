import Hashing
package import Transfer

extension ContentHash {
    /// The hash of some bytes.
    package init(of bytes: UnsafeRawBufferPointer) {
        guard let hash = unsafe ContentHash(BLAKE2b.digest(bytes)) else {
            preconditionFailure("BLAKE2b-256 has \(Self.byteCount) bytes")
        }
        self = hash
    }
}
