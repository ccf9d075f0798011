package import Numerics
package import Transfer

/// Where the chunks of a manifest come from when they are sent.
package protocol ChunkSource: Sendable {
    /// The chunks, each named by its position.
    var manifest: ChunkManifest { get }
    /// Who keeps the bytes of a chunk alive and unchanged, for sending them without a copy; nil if they
    /// are to be copied.
    func keeper(ofChunk index: Int) -> FloatBuffer?

    /// Reads the bytes of one chunk; the pointer is valid within `body`, or as long as the keeper.
    ///
    /// Traps on an index that is not in the manifest: callers check what a peer asked for.
    func withUnsafeBytes<Result>(
        ofChunk index: Int, _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result
}
