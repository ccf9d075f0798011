import COneDNN

/// An operation bound to the memories it reads and writes.
///
/// It retains them, so `execute()` is one call into the library without an allocation.
@safe
package struct Primitive: ~Copyable {
    private let handle: dnnl_primitive_t
    private let arguments: [dnnl_exec_arg_t]
    private let scratchpad: dnnl_memory_t?
    private let memories: [Memory]
    private let engine: Engine

    /// Compiles the operation and binds its arguments; traps if a memory has another layout than
    /// the operation chose.
    package init(
        _ descriptor: borrowing PrimitiveDescriptor, _ bindings: KeyValuePairs<Argument, Memory>
    ) throws(OneDNNError) {
        var arguments: [dnnl_exec_arg_t] = unsafe []
        for (argument, memory) in bindings {
            let wanted = try descriptor.descriptor(of: argument)
            precondition(memory.descriptor == wanted)
            unsafe arguments.append(dnnl_exec_arg_t(arg: argument.index, memory: memory.handle))
        }
        let scratchpad = try descriptor.descriptor(argumentIndex: DNNL_ARG_SCRATCHPAD)
        var primitive: dnnl_primitive_t?
        try unsafe OneDNNError.check(
            dnnl_primitive_create(&primitive, descriptor.handle), "compilation of a primitive")
        guard let primitive = unsafe primitive else {
            throw OneDNNError.failed("compilation of a primitive")
        }
        var scratchpadMemory: dnnl_memory_t?
        if scratchpad.byteCount > 0 {
            do throws(OneDNNError) {
                let memory = try unsafe descriptor.engine.scratchpadMemory(scratchpad)
                unsafe arguments.append(dnnl_exec_arg_t(arg: DNNL_ARG_SCRATCHPAD, memory: memory))
                unsafe scratchpadMemory = memory
            } catch {
                unsafe dnnl_primitive_destroy(primitive)
                throw error
            }
        }
        unsafe handle = primitive
        unsafe self.arguments = arguments
        unsafe self.scratchpad = scratchpadMemory
        memories = bindings.map(\.value)
        engine = descriptor.engine
    }

    deinit {
        unsafe dnnl_primitive_destroy(handle)
        if let scratchpad = unsafe scratchpad { unsafe engine.releaseScratchpadMemory(scratchpad) }
    }

    /// Runs the operation; on the processor it is complete when this returns.
    package func execute() throws(OneDNNError) {
        let status = unsafe arguments.withUnsafeBufferPointer { bound in
            unsafe dnnl_primitive_execute(
                handle, engine.stream, Int32(bound.count), bound.baseAddress)
        }
        try OneDNNError.check(status, "execution of a primitive")
    }
}
