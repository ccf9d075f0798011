/// The bytes of a chunk where they arrived, for whichever thread checks them.
@safe
package struct ChunkBytes: Sendable {
    /// How many.
    package let count: Int
    private let read: @Sendable (_ body: (UnsafeRawBufferPointer) -> Void) -> Void

    /// Bytes that `read` hands to its argument, `count` of them, each time and from any thread.
    package init(
        count: Int, read: @escaping @Sendable (_ body: (UnsafeRawBufferPointer) -> Void) -> Void
    ) {
        self.count = count
        unsafe self.read = unsafe read
    }

    /// The bytes of an array.
    package init(_ bytes: [UInt8]) {
        unsafe self.init(count: bytes.count) { body in
            unsafe bytes.withUnsafeBytes { unsafe body($0) }
        }
    }

    /// Puts them into `assembly`, which checks them; the error says why it does not take them.
    package func insert(
        as index: Int, into assembly: any ChunkAssembly
    ) -> Result<ChunkInsertion, TransferError> {
        var result = Result<ChunkInsertion, TransferError>.success(.duplicate)
        unsafe read { bytes in
            do throws(TransferError) {
                result = .success(try unsafe assembly.insert(index, bytes))
            } catch {
                result = .failure(error)
            }
        }
        return result
    }
}
