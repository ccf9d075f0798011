import COneDNN

/// oneDNN on the processor: its engine, one stream, one scratchpad and a number of threads.
///
/// Memories and primitives retain their engine, so closing order is right by construction. One
/// thread uses an engine at a time, because the stream and the scratchpad are not locked; it may
/// be another thread each time. The workers are libgomp's: they spin for some milliseconds after
/// a parallel region, then sleep. `OMP_WAIT_POLICY=passive` in the environment of the process
/// makes them sleep at once; libgomp reads it when it is loaded, so a program cannot set it for
/// itself.
@safe
package final class Engine {
    let handle: dnnl_engine_t
    let stream: dnnl_stream_t
    /// Threads that primitives run on, the caller's among them.
    package let threadCount: Int

    private var scratchpad: UnsafeMutableRawPointer?
    private var scratchpadByteCount = 0
    private var scratchpadUsers: [dnnl_memory_t] = unsafe []

    /// The version of oneDNN in use, as in "2.6.3".
    package static var libraryVersion: String {
        guard let version = unsafe dnnl_version()?.pointee else { return "unknown" }
        return unsafe "\(version.major).\(version.minor).\(version.patch)"
    }

    /// Whether this processor multiplies bfloat16 numbers.
    package static var computesBfloat16: Bool {
        let needed = dnnl_cpu_isa_avx512_core_bf16.rawValue
        return dnnl_get_effective_cpu_isa().rawValue & needed == needed
    }

    /// Starts oneDNN for the current thread.
    ///
    /// - Parameter threadCount: at least 1.
    package init(threadCount: Int) throws(OneDNNError) {
        precondition(threadCount >= 1)
        self.threadCount = threadCount
        omp_set_num_threads(Int32(clamping: threadCount))
        var engine: dnnl_engine_t?
        try unsafe OneDNNError.check(
            dnnl_engine_create(&engine, dnnl_cpu, 0), "engine for the processor")
        guard let engine = unsafe engine else { throw OneDNNError.failed("engine creation") }
        var stream: dnnl_stream_t?
        let flags = dnnl_stream_default_flags.rawValue
        let status = unsafe dnnl_stream_create(&stream, engine, flags)
        guard let stream = unsafe stream, status == dnnl_success else {
            unsafe dnnl_engine_destroy(engine)
            throw OneDNNError.failed("stream creation")
        }
        unsafe handle = engine
        unsafe self.stream = stream
    }

    deinit {
        for index in unsafe scratchpadUsers.indices {
            unsafe dnnl_memory_destroy(scratchpadUsers[index])
        }
        unsafe dnnl_stream_destroy(stream)
        unsafe dnnl_engine_destroy(handle)
        unsafe scratchpad?.deallocate()
    }

    /// Makes oneDNN use this engine's thread count in calls from the current thread.
    ///
    /// libgomp keeps the count per calling thread, so this comes first in everything that may be
    /// called from a new thread.
    package func adoptCurrentThread() {
        omp_set_num_threads(Int32(clamping: threadCount))
    }

    /// Has `body` make and run primitives on the current thread alone.
    ///
    /// Some products have other last bits on each number of threads (inner products of 2.6.3 where
    /// there are few outputs and many inputs); a primitive plans its threads when it is described.
    package func onOneThread<Result: ~Copyable>(
        _ body: () throws(OneDNNError) -> Result
    ) throws(OneDNNError) -> Result {
        omp_set_num_threads(1)
        defer { adoptCurrentThread() }
        return try body()
    }

    /// Waits until everything submitted has been executed.
    package func wait() throws(OneDNNError) {
        try unsafe OneDNNError.check(dnnl_stream_wait(stream), "wait for a stream")
    }

    /// A memory over the shared scratchpad, which grows to hold `descriptor`.
    ///
    /// Primitives run one after the other, so all may use the same block. (The library's own
    /// scratchpad is tied to the thread that created a primitive; ours is not.)
    func scratchpadMemory(_ descriptor: MemoryDescriptor) throws(OneDNNError) -> dnnl_memory_t {
        if descriptor.byteCount > scratchpadByteCount {
            let grown = UnsafeMutableRawPointer.allocate(
                byteCount: descriptor.byteCount, alignment: 4096)
            for index in unsafe scratchpadUsers.indices {
                try unsafe OneDNNError.check(
                    dnnl_memory_set_data_handle(scratchpadUsers[index], grown),
                    "growth of the scratchpad")
            }
            unsafe scratchpad?.deallocate()
            unsafe scratchpad = grown
            scratchpadByteCount = descriptor.byteCount
        }
        var memory: dnnl_memory_t?
        var raw = descriptor.raw
        try unsafe OneDNNError.check(
            manyheads_memory_create_unbound(&memory, &raw, handle), "scratchpad memory")
        guard let memory = unsafe memory else { throw OneDNNError.failed("scratchpad creation") }
        unsafe scratchpadUsers.append(memory)
        try unsafe OneDNNError.check(
            dnnl_memory_set_data_handle(memory, scratchpad), "scratchpad memory")
        return unsafe memory
    }

    /// Destroys a memory over the scratchpad that no primitive uses any more.
    func releaseScratchpadMemory(_ memory: dnnl_memory_t) {
        unsafe scratchpadUsers.removeAll { $0 == memory }
        unsafe dnnl_memory_destroy(memory)
    }
}
