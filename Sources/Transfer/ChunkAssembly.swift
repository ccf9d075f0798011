/// What became of a chunk.
package enum ChunkInsertion: Hashable, Sendable {
    case inserted
    /// It was there already, or being inserted: broadcast and requested, or sent twice.
    case duplicate
}

/// Something that is put together from chunks in any order, by any number of threads.
package protocol ChunkAssembly: AnyObject, Sendable {
    /// Chunks not yet inserted.
    var missingCount: Int { get }
    /// The chunks not yet inserted, ascending.
    var missing: [Int] { get }

    /// Takes the bytes of one chunk, after checking them.
    ///
    /// Whatever is refused leaves the assembly as it was: the chunk is still missing.
    @discardableResult
    func insert(
        _ index: Int, _ bytes: UnsafeRawBufferPointer
    ) throws(TransferError) -> ChunkInsertion
}

extension ChunkAssembly {
    /// Whether every chunk is held.
    package var isComplete: Bool { missingCount == 0 }

    /// Takes the bytes of one chunk, after checking them.
    @discardableResult
    package func insert(_ index: Int, _ bytes: [UInt8]) throws(TransferError) -> ChunkInsertion {
        try unsafe bytes.span.withUnsafeBytes { pointer throws(TransferError) in
            try unsafe insert(index, pointer)
        }
    }
}
