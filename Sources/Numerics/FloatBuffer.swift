/// A fixed block of `Float`s on a 64-byte boundary, shared by reference and freed with its last user.
///
/// A buffer is filled by the code that allocates it and never written after it is shared.
@safe
package final class FloatBuffer: @unchecked Sendable {
    // @unchecked: written only before it is shared; see above.
    private let storage: UnsafeMutableBufferPointer<Float>

    /// `count` zeros.
    package convenience init(count: Int) {
        self.init(unfilledCount: count)
        unsafe storage.initialize(repeating: 0)
    }

    /// A copy of `values`.
    package convenience init(_ values: [Float]) {
        self.init(unfilledCount: values.count)
        _ = unsafe storage.initialize(from: values)
    }

    /// Memory for `count` floats, not initialised: all must be written before any is read.
    ///
    /// For large buffers that are filled once: zeros would write all the memory twice.
    package init(unfilledCount count: Int) {
        precondition(count >= 0)
        let raw = UnsafeMutableRawPointer.allocate(
            byteCount: max(1, count) * MemoryLayout<Float>.stride, alignment: 64)
        unsafe storage = UnsafeMutableBufferPointer(
            start: raw.bindMemory(to: Float.self, capacity: count), count: count)
    }

    deinit {
        unsafe storage.baseAddress?.deinitialize(count: storage.count)
        unsafe UnsafeMutableRawPointer(storage.baseAddress)?.deallocate()
    }

    /// Floats in the buffer.
    package var count: Int { unsafe storage.count }

    /// Reads the floats; the pointer is valid while the buffer lives.
    package func withUnsafeBufferPointer<Result, Failure: Error>(
        _ body: (UnsafeBufferPointer<Float>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(UnsafeBufferPointer(storage))
    }

    /// Fills the floats; only before the buffer is shared.
    package func withUnsafeMutableBufferPointer<Result, Failure: Error>(
        _ body: (UnsafeMutableBufferPointer<Float>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(storage)
    }
}
