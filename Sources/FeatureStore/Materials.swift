package import Numerics
package import Transfer

/// What the tasks of a job work on: bytes under names.
package struct Materials: Hashable, Sendable {
    /// One of them.
    package struct Item: Hashable, Sendable {
        /// Different from all others.
        package let name: String
        /// What it is; may be empty.
        package let bytes: [UInt8]

        /// Bytes under a name.
        package init(name: String, bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
        }
    }

    /// In an order that is kept.
    package let items: [Item]

    /// What is under a name; nil where there is nothing.
    package func bytes(of name: String) -> [UInt8]? { items.first { $0.name == name }?.bytes }

    /// Traps on a name given twice.
    package init(_ items: [Item]) {
        precondition(Set(items.map(\.name)).count == items.count)
        self.items = items
    }
}

/// Materials cut into content-addressed chunks, as a coordinator sends them.
package struct MaterialChunks: ChunkSource {
    /// The chunks, each named by its position.
    package let manifest: ChunkManifest
    /// What was cut.
    package let materials: Materials

    /// Cuts and hashes `materials`; a material's last chunk may be smaller.
    ///
    /// - Parameter chunkByteCountMax: bytes of a chunk; nil is as many as suit the materials.
    package init(_ materials: Materials, chunkByteCountMax: Int? = nil) {
        self.materials = materials
        let pieces = ChunkManifest.cut(
            partCounts: materials.items.map(\.bytes.count), unitByteCount: 1,
            byteCountMax: chunkByteCountMax.map { min($0, ChunkManifest.chunkByteCountMax) })
        manifest = ChunkManifest(
            .materials(
                materials.items.map { MaterialShape(name: $0.name, byteCount: $0.bytes.count) }),
            chunks: pieces.map { piece in
                let hash = unsafe materials.items[piece.part].bytes.withUnsafeBytes { bytes in
                    unsafe ContentHash(
                        of: UnsafeRawBufferPointer(
                            rebasing: bytes[piece.first..<piece.first + piece.count]))
                }
                return Chunk(
                    part: piece.part, first: piece.first, count: piece.count,
                    byteCount: piece.count, hash: hash)
            })
    }

    /// Never: whoever is lent a chunk copies it.
    package var isExhausted: Bool { false }

    /// Lends a chunk, to be copied.
    package func lend<Result>(
        chunk index: Int, _ body: (UnsafeRawBufferPointer, FloatBuffer?) -> Result
    ) -> Result {
        unsafe withUnsafeBytes(ofChunk: index) { unsafe body($0, nil) }
    }

    /// Reads the bytes of one chunk; the pointer is valid within `body`.
    ///
    /// Traps on an index that is not in the manifest: callers check what a peer asked for.
    package func withUnsafeBytes<Result>(
        ofChunk index: Int, _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        let chunk = manifest.chunks[index]
        return unsafe materials.items[chunk.part].bytes.withUnsafeBytes { pointer in
            unsafe body(
                UnsafeRawBufferPointer(rebasing: pointer[chunk.first..<chunk.first + chunk.count]))
        }
    }
}
