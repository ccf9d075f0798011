import COneDNN
import Glibc

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

/// A tensor in memory, shared by the primitives that read or write it.
@safe
package final class Memory {
    /// The shape and layout.
    package let descriptor: MemoryDescriptor
    let handle: dnnl_memory_t
    private let engine: Engine
    private let block: ZeroedBlock

    /// The elements of `owner` in another shape; traps unless they take as many bytes.
    package convenience init(
        viewing owner: Memory, as descriptor: MemoryDescriptor
    ) throws(OneDNNError) {
        precondition(descriptor.byteCount == owner.descriptor.byteCount)
        try self.init(descriptor, owner.engine, in: owner.block)
    }

    /// A tensor of zeros.
    package convenience init(
        _ descriptor: MemoryDescriptor, _ engine: Engine
    ) throws(OneDNNError) {
        guard let block = ZeroedBlock(byteCount: descriptor.byteCount) else {
            throw OneDNNError.failed("memory of \(descriptor.byteCount) bytes")
        }
        try self.init(descriptor, engine, in: block)
    }

    private init(
        _ descriptor: MemoryDescriptor, _ engine: Engine, in block: ZeroedBlock
    ) throws(OneDNNError) {
        var memory: dnnl_memory_t?
        var raw = descriptor.raw
        try unsafe OneDNNError.check(
            manyheads_memory_create_unbound(&memory, &raw, engine.handle), "memory")
        guard let memory = unsafe memory else { throw OneDNNError.failed("memory creation") }
        let status = unsafe dnnl_memory_set_data_handle(memory, block.base)
        guard status == dnnl_success else {
            unsafe dnnl_memory_destroy(memory)
            throw OneDNNError.failed("binding of memory")
        }
        self.descriptor = descriptor
        self.engine = engine
        self.block = block
        unsafe handle = memory
    }

    deinit {
        unsafe dnnl_memory_destroy(handle)
    }

    /// Elements, padding included.
    package var count: Int { descriptor.byteCount / descriptor.elementType.byteCount }

    /// The elements as they lie in memory, for kernels; valid while this memory lives.
    @unsafe
    package var elements: UnsafeMutableRawPointer { unsafe block.base }

    /// The elements as they lie in memory, for kernels; valid while this memory lives.
    ///
    /// Traps if they are no `Float`s.
    @unsafe
    package var floats: UnsafeMutablePointer<Float> {
        precondition(descriptor.elementType == .float32)
        return unsafe block.base.assumingMemoryBound(to: Float.self)
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

/// Zeros, which the system provides when they are first touched, in large pages where there are many.
@safe
private final class ZeroedBlock {
    /// Aligned to a page.
    let base: UnsafeMutableRawPointer
    private let byteCount: Int

    /// nil where the system has no more.
    init?(byteCount: Int) {
        let size = max(1, byteCount)
        let access = PROT_READ | PROT_WRITE
        guard let base = unsafe mmap(nil, size, access, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            unsafe base != MAP_FAILED
        else { return nil }
        // Ordinary pages do as well.
        if size >= 4 << 20 { _ = unsafe madvise(base, size, MADV_HUGEPAGE) }
        unsafe self.base = base
        self.byteCount = size
    }

    deinit {
        _ = unsafe munmap(base, byteCount)
    }
}
