import Numerics

/// A safetensors file whose header has been read and whose tensors have not.
///
/// Each is read when it is asked for, straight from the file: opening a model of gigabytes takes its
/// header's memory.
package struct SafetensorsFile: Sendable {
    /// The path as given, for messages.
    package let path: String
    /// The `__metadata__` of the header.
    package let metadata: [String: String]

    private let source: ByteSource
    /// Ordered by name.
    private let entries: [SafetensorsHeader.Entry]
    private let dataStart: Int

    /// Reads the header and checks all of it.
    ///
    /// - Throws: ``FormatError`` that names the file, for anything the format does not allow.
    package init(_ source: ByteSource) throws(FormatError) {
        do throws(FormatError) {
            try self.init(unnamed: source)
        } catch {
            throw error.located(in: source.path)
        }
    }

    /// The same, with errors that do not name the file.
    init(unnamed source: ByteSource) throws(FormatError) {
        guard source.byteCount >= 8 else {
            throw .malformed(
                "safetensors",
                "\(source.byteCount.counted("byte")) cannot hold the length of a header")
        }
        let length = Self.headerLength(try source.bytes(in: 0..<8))
        guard length <= UInt64(min(source.byteCount - 8, Safetensors.headerByteCountMax)) else {
            throw .malformed(
                "safetensors",
                "a header of \(length.counted("byte")) does not fit \(source.byteCount.counted("byte"))"
            )
        }
        let dataStart = 8 + Int(length)
        var parser = SafetensorsHeader(try source.bytes(in: 8..<dataStart)[...])
        try parser.parse()
        try Self.checkCoverage(parser.entries, dataCount: source.byteCount - dataStart)
        path = source.path
        self.source = source
        self.dataStart = dataStart
        metadata = parser.metadata
        entries = parser.entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    /// Whether bytes begin as those of a safetensors file do: a length that fits, and an object.
    package static func begins(_ start: [UInt8], byteCount: Int) -> Bool {
        start.count >= 9 && headerLength(start) <= UInt64(max(0, byteCount - 8))
            && start[8] == UInt8(ascii: "{")
    }

    private static func headerLength(_ bytes: [UInt8]) -> UInt64 {
        bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The names of the tensors, in order.
    package var names: [String] { entries.map(\.name) }

    /// A tensor of numbers of any type, row by row.
    ///
    /// - Throws: ``FormatError`` that names what there is, if there is none of that name, and for a
    ///   dtype that is not read.
    package func array(named name: String) throws(FormatError) -> NPYReader {
        guard let entry = entries.first(where: { $0.name == name }) else {
            throw .malformed(
                path, "it holds no tensor \(name); name one of \(names.joined(separator: ", "))")
        }
        guard let element = entry.element else {
            throw .malformed(
                "\(path):\(name)",
                "its dtype is \(entry.dtype), which is not read; save x.to(torch.float32)")
        }
        let header = NPYHeader(
            element, shape: entry.shape, descr: entry.dtype, format: "safetensors tensor")
        return try NPYReader(
            header,
            ByteReader(
                source, "\(path):\(name)", range: dataStart + entry.begin..<dataStart + entry.end,
                wrapping: nil, contentByteCount: entry.end - entry.begin, checksum: nil))
    }

    /// A tensor of one of the types that are kept as they are; nil if there is none of that name.
    ///
    /// - Throws: ``FormatError`` for a dtype other than F32, F64 and I64, and where the file has been
    ///   cut since it was opened.
    package func tensor(named name: String) throws(FormatError) -> NamedTensor? {
        try entries.first { $0.name == name }.map { (entry) throws(FormatError) in
            try tensor(entry)
        }
    }

    /// All tensors, ordered by name.
    func tensors() throws(FormatError) -> [NamedTensor] {
        var tensors: [NamedTensor] = []
        for entry in entries { tensors.append(try tensor(entry)) }
        return tensors
    }

    private func tensor(_ entry: SafetensorsHeader.Entry) throws(FormatError) -> NamedTensor {
        let content: NamedTensor.Content
        switch entry.element {
        case .float(4): content = .float32(try values(entry))
        case .float(8): content = .float64(try values(entry))
        case .signed(8): content = .int64(try values(entry))
        default:
            throw .malformed(
                "safetensors",
                "\(entry.name) has dtype \(entry.dtype); only F32, F64 and I64 are read")
        }
        return NamedTensor(name: entry.name, shape: entry.shape, content: content)
    }

    private func values<Value: BitwiseCopyable>(
        _ entry: SafetensorsHeader.Entry
    ) throws(FormatError) -> [Value] {
        let byteCount = entry.end - entry.begin
        var failure: FormatError?
        let values = unsafe [Value](
            unsafeUninitializedCapacity: byteCount / MemoryLayout<Value>.size
        ) { buffer, count in
            do throws(FormatError) {
                let target = UnsafeMutableRawBufferPointer(buffer)
                let part = unsafe UnsafeMutableRawBufferPointer(rebasing: target[..<byteCount])
                guard try unsafe source.read(at: dataStart + entry.begin, into: part) == byteCount
                else {
                    throw .truncated(
                        path, byte: source.byteCount, expected: "inside its tensor \(entry.name)")
                }
                count = byteCount / MemoryLayout<Value>.size
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return values
    }

    private static func checkCoverage(
        _ entries: [SafetensorsHeader.Entry], dataCount: Int
    ) throws(FormatError) {
        let ordered = entries.sorted { ($0.begin, $0.end) < ($1.begin, $1.end) }
        var end = 0
        for entry in ordered {
            guard entry.begin == end else {
                throw .malformed(
                    "safetensors",
                    "tensor \(entry.name) begins at \(entry.begin), the one before it ends at "
                        + "\(end): neither holes nor overlaps are allowed")
            }
            end = entry.end
        }
        guard end == dataCount else {
            throw .malformed(
                "safetensors",
                "the header describes \(end.counted("byte")), and \(dataCount) follow it")
        }
    }
}
