import COneDNN

/// What a tensor's numbers are.
package enum ElementType: Sendable {
    /// `Float`.
    case float32
    /// The upper half of a `Float`.
    case bfloat16

    var raw: dnnl_data_type_t {
        switch self {
        case .float32: dnnl_f32
        case .bfloat16: dnnl_bf16
        }
    }

    /// Bytes of a number.
    package var byteCount: Int {
        switch self {
        case .float32: 4
        case .bfloat16: 2
        }
    }
}

/// The shape and layout of a tensor.
package struct MemoryDescriptor: Equatable {
    /// Where the numbers of a tensor lie.
    package enum Layout: Sendable {
        /// Row-major, the last dimension contiguous.
        case plain
        /// An image's `[sample, channel, row, column]` as `[sample, row, column, channel]`.
        case channelsLast
        /// A convolution's `[output, input, row, column]` as `[row, column, input, output]`.
        case outputsLast
        /// A matrix's `[row, column]` as `[column, row]`.
        case transposed
        /// Whatever the primitive that is being described works fastest with.
        case any
    }

    let raw: dnnl_memory_desc_t

    init(_ raw: dnnl_memory_desc_t) {
        self.raw = raw
    }

    /// A tensor of 1, 2 or 4 dimensions.
    package init(
        _ dimensions: [Int], layout: Layout = .plain, of type: ElementType = .float32
    ) throws(OneDNNError) {
        let tag: dnnl_format_tag_t
        switch (layout, dimensions.count) {
        case (.any, _): tag = dnnl_format_tag_any
        case (.plain, 1): tag = dnnl_a
        case (.plain, 2): tag = dnnl_ab
        case (.plain, 4): tag = dnnl_abcd
        case (.transposed, 2): tag = dnnl_ba
        case (.channelsLast, 4): tag = dnnl_acdb
        case (.outputsLast, 4): tag = dnnl_cdba
        default: throw OneDNNError.failed("layout of \(dimensions.count) dimensions")
        }
        var raw = dnnl_memory_desc_t()
        try unsafe OneDNNError.check(
            dnnl_memory_desc_init_by_tag(
                &raw, Int32(dimensions.count), dimensions.map(Int64.init), type.raw, tag),
            "memory descriptor of \(dimensions)")
        self.raw = raw
    }

    /// The shape.
    package var dimensions: [Int] {
        let all = [raw.dims.0, raw.dims.1, raw.dims.2, raw.dims.3]
        return all.prefix(Int(raw.ndims)).map { Int($0) }
    }

    /// What its numbers are.
    package var elementType: ElementType {
        raw.data_type == dnnl_bf16 ? .bfloat16 : .float32
    }

    /// Bytes the tensor takes, padding included.
    package var byteCount: Int {
        var copy = raw
        return unsafe dnnl_memory_desc_get_size(&copy)
    }

    /// Whether shape and layout are the same.
    package static func == (left: MemoryDescriptor, right: MemoryDescriptor) -> Bool {
        var leftRaw = left.raw
        var rightRaw = right.raw
        return unsafe dnnl_memory_desc_equal(&leftRaw, &rightRaw) != 0
    }
}

/// A tensor in memory that the library allocated, shared by the primitives that read or write it.
@safe
package final class Memory {
    /// The shape and layout.
    package let descriptor: MemoryDescriptor
    let handle: dnnl_memory_t
    private let engine: Engine
    private let base: UnsafeMutableRawPointer
    /// Whose block this is, if it is another's.
    private let owner: Memory?

    /// The elements of `owner` in another shape; traps unless they take as many bytes.
    package init(
        viewing owner: Memory, as descriptor: MemoryDescriptor
    ) throws(OneDNNError) {
        precondition(descriptor.byteCount == owner.descriptor.byteCount)
        var memory: dnnl_memory_t?
        var raw = descriptor.raw
        try unsafe OneDNNError.check(
            manyheads_memory_create_unbound(&memory, &raw, owner.engine.handle), "view of memory")
        guard let memory = unsafe memory else { throw OneDNNError.failed("memory creation") }
        let status = unsafe dnnl_memory_set_data_handle(memory, owner.base)
        guard status == dnnl_success else {
            unsafe dnnl_memory_destroy(memory)
            throw OneDNNError.failed("view of memory")
        }
        self.descriptor = descriptor
        self.owner = owner
        engine = owner.engine
        unsafe handle = memory
        unsafe base = owner.base
    }

    /// A tensor of zeros.
    package init(_ descriptor: MemoryDescriptor, _ engine: Engine) throws(OneDNNError) {
        var memory: dnnl_memory_t?
        var raw = descriptor.raw
        try unsafe OneDNNError.check(
            manyheads_memory_create_owning(&memory, &raw, engine.handle),
            "memory of \(descriptor.byteCount) bytes")
        guard let memory = unsafe memory else { throw OneDNNError.failed("memory creation") }
        var base: UnsafeMutableRawPointer?
        let status = unsafe dnnl_memory_get_data_handle(memory, &base)
        guard status == dnnl_success, let base = unsafe base else {
            unsafe dnnl_memory_destroy(memory)
            throw OneDNNError.failed("access to memory")
        }
        unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: descriptor.byteCount)
        self.descriptor = descriptor
        self.engine = engine
        owner = nil
        unsafe handle = memory
        unsafe self.base = base
    }

    deinit {
        unsafe dnnl_memory_destroy(handle)
    }

    /// Elements, padding included.
    package var count: Int { descriptor.byteCount / descriptor.elementType.byteCount }

    /// The elements as they lie in memory, for kernels; valid while this memory lives.
    @unsafe
    package var elements: UnsafeMutableRawPointer { unsafe base }

    /// The elements as they lie in memory, for kernels; valid while this memory lives.
    ///
    /// Traps if they are no `Float`s.
    @unsafe
    package var floats: UnsafeMutablePointer<Float> {
        precondition(descriptor.elementType == .float32)
        return unsafe base.assumingMemoryBound(to: Float.self)
    }

    /// Overwrites the elements as they lie in memory; traps unless there are `count`.
    package func fill(_ values: [Float]) {
        precondition(values.count == count)
        unsafe values.withUnsafeBufferPointer { source in
            guard let start = source.baseAddress else { return }
            unsafe floats.update(from: start, count: source.count)
        }
    }

    /// The elements as they lie in memory.
    package func values() -> [Float] {
        unsafe Array(UnsafeBufferPointer(start: floats, count: count))
    }
}
