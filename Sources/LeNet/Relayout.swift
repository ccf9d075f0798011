import OneDNN

/// A copy of a memory in another layout, made again by each `execute()`.
final class Relayout {
    let source: Memory
    let destination: Memory
    private let copy: Primitive

    init(_ source: Memory, into destination: Memory, _ engine: Engine) throws(OneDNNError) {
        self.source = source
        self.destination = destination
        let descriptor = try PrimitiveDescriptor(
            reorder: source.descriptor, into: destination.descriptor, engine)
        copy = try Primitive(descriptor, [.source: source, .destination: destination])
    }

    func execute() throws(OneDNNError) {
        try copy.execute()
    }

    /// Fills `memory` from row-major values.
    static func load(
        _ values: [Float], shape: [Int], into memory: Memory, _ engine: Engine
    ) throws(OneDNNError) {
        let plain = try Memory(MemoryDescriptor(shape), engine)
        plain.fill(values)
        try Relayout(plain, into: memory, engine).execute()
    }

    /// The row-major values of `memory`.
    static func values(
        of memory: Memory, shape: [Int], _ engine: Engine
    ) throws(OneDNNError) -> [Float] {
        let plain = try Memory(MemoryDescriptor(shape), engine)
        try Relayout(memory, into: plain, engine).execute()
        return plain.values()
    }
}
