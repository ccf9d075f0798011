import COneDNN

/// An argument of a primitive.
package struct Argument: Hashable, Sendable {
    let index: Int32

    /// What the forward operation reads.
    package static let source = Argument(index: DNNL_ARG_SRC)
    /// What the forward operation writes.
    package static let destination = Argument(index: DNNL_ARG_DST)
    /// Weights, read.
    package static let weights = Argument(index: DNNL_ARG_WEIGHTS)
    /// Biases, read.
    package static let bias = Argument(index: DNNL_ARG_BIAS)
    /// The gradient of the source, written.
    package static let sourceGradient = Argument(index: DNNL_ARG_DIFF_SRC)
    /// The gradient of the destination, read.
    package static let destinationGradient = Argument(index: DNNL_ARG_DIFF_DST)
    /// The gradient of the weights, written.
    package static let weightsGradient = Argument(index: DNNL_ARG_DIFF_WEIGHTS)
    /// The gradient of the biases, written.
    package static let biasGradient = Argument(index: DNNL_ARG_DIFF_BIAS)
}

/// An operation with its implementation and layouts chosen: what a primitive is made of.
@safe
package struct PrimitiveDescriptor: ~Copyable {
    let handle: dnnl_primitive_desc_t
    let engine: Engine

    /// Chooses the first implementation of `operation`, with scratch memory given by us.
    ///
    /// - Parameter hint: the forward descriptor that a backward one belongs to.
    init(
        _ name: String, operation: UnsafeRawPointer, relu: Bool = false,
        hint: const_dnnl_primitive_desc_t? = nil, _ engine: Engine
    ) throws(OneDNNError) {
        let attributes = try unsafe Self.attributes(relu: relu)
        defer { unsafe dnnl_primitive_attr_destroy(attributes) }
        var descriptor: dnnl_primitive_desc_t?
        try unsafe OneDNNError.check(
            dnnl_primitive_desc_create(&descriptor, operation, attributes, engine.handle, hint),
            name)
        guard let descriptor = unsafe descriptor else { throw OneDNNError.failed(name) }
        unsafe handle = descriptor
        self.engine = engine
    }

    /// A copy from one layout into another.
    package init(
        reorder source: MemoryDescriptor, into destination: MemoryDescriptor, _ engine: Engine
    ) throws(OneDNNError) {
        let attributes = try unsafe Self.attributes(relu: false)
        defer { unsafe dnnl_primitive_attr_destroy(attributes) }
        var descriptor: dnnl_primitive_desc_t?
        var from = source.raw
        var into = destination.raw
        try unsafe OneDNNError.check(
            dnnl_reorder_primitive_desc_create(
                &descriptor, &from, engine.handle, &into, engine.handle, attributes), "reorder")
        guard let descriptor = unsafe descriptor else { throw OneDNNError.failed("reorder") }
        unsafe handle = descriptor
        self.engine = engine
    }

    deinit {
        unsafe dnnl_primitive_desc_destroy(handle)
    }

    private static func attributes(relu: Bool) throws(OneDNNError) -> dnnl_primitive_attr_t {
        var attributes: dnnl_primitive_attr_t?
        try unsafe OneDNNError.check(dnnl_primitive_attr_create(&attributes), "attributes")
        guard let attributes = unsafe attributes else { throw OneDNNError.failed("attributes") }
        do throws(OneDNNError) {
            try unsafe OneDNNError.check(
                dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user),
                "scratchpad mode")
            if relu { try unsafe appendReLU(attributes) }
        } catch {
            unsafe dnnl_primitive_attr_destroy(attributes)
            throw error
        }
        return unsafe attributes
    }

    private static func appendReLU(_ attributes: dnnl_primitive_attr_t) throws(OneDNNError) {
        var operations: dnnl_post_ops_t?
        try unsafe OneDNNError.check(dnnl_post_ops_create(&operations), "post-operations")
        defer { unsafe dnnl_post_ops_destroy(operations) }
        try unsafe OneDNNError.check(
            dnnl_post_ops_append_eltwise(operations, 1, dnnl_eltwise_relu, 0, 0), "fused ReLU")
        try unsafe OneDNNError.check(
            dnnl_primitive_attr_set_post_ops(attributes, operations), "fused ReLU")
    }

    /// The shape and layout this operation wants of an argument.
    package func descriptor(of argument: Argument) throws(OneDNNError) -> MemoryDescriptor {
        try descriptor(argumentIndex: argument.index)
    }

    func descriptor(argumentIndex: Int32) throws(OneDNNError) -> MemoryDescriptor {
        let found = unsafe dnnl_primitive_desc_query_md(
            handle, dnnl_query_exec_arg_md, argumentIndex)
        guard let found = unsafe found else {
            throw OneDNNError.failed("query for argument \(argumentIndex)")
        }
        return unsafe MemoryDescriptor(found.pointee)
    }
}
