import Numerics

/// A safetensors file: named tensors and a map of strings.
///
/// The format is huggingface/safetensors' `README.md`: a little-endian 64-bit header length, a JSON
/// header, and the tensors' bytes without holes. What is written has sorted keys, and the 8-byte
/// tensors first, so that equal tensors give equal bytes and every tensor is aligned. What is read
/// is checked in full before a tensor is believed; dtypes other than F32, F64 and I64 are refused.
package struct Safetensors: Sendable, Equatable {
    /// The `__metadata__` of the header.
    package var metadata: [String: String]
    /// Ordered by name once written or read.
    package var tensors: [NamedTensor]

    /// A file of these parts; names are checked when it is encoded.
    package init(metadata: [String: String], tensors: [NamedTensor]) {
        self.metadata = metadata
        self.tensors = tensors
    }

    /// The tensor of that name, if there is one.
    package subscript(name: String) -> NamedTensor? {
        tensors.first { $0.name == name }
    }

    /// The longest header, as in the reference implementation.
    static let headerByteCountMax = 100_000_000
    static let metadataKey = "__metadata__"

    /// The file's bytes.
    ///
    /// - Throws: ``FormatError`` for two tensors of one name, or one named `__metadata__`.
    package func encoded() throws(FormatError) -> [UInt8] {
        let byName = tensors.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        for (left, right) in zip(byName, byName.dropFirst()) where left.name == right.name {
            throw .malformed("safetensors", "two tensors are named \(left.name)")
        }
        // Eight-byte values first, so that all lie at a multiple of their size; holes are not
        // allowed.
        let stored =
            byName.filter { $0.content.valueByteCount == 8 }
            + byName.filter { $0.content.valueByteCount == 4 }
        var offsets: [String: Range<Int>] = [:]
        var end = 0
        for tensor in stored {
            let byteCount = tensor.content.count * tensor.content.valueByteCount
            offsets[tensor.name] = end..<end + byteCount
            end += byteCount
        }
        var entries: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
                .map { "\(quoted($0.key)):\(quoted($0.value))" }
            entries.append("\(quoted(Self.metadataKey)):{\(pairs.joined(separator: ","))}")
        }
        for tensor in byName {
            guard tensor.name != Self.metadataKey, let range = offsets[tensor.name] else {
                throw .malformed("safetensors", "a tensor cannot be named \(tensor.name)")
            }
            let shape = tensor.shape.map { String($0) }.joined(separator: ",")
            entries.append(
                "\(quoted(tensor.name)):{\"dtype\":\"\(tensor.content.dtype)\",\"shape\":[\(shape)],"
                    + "\"data_offsets\":[\(range.lowerBound),\(range.upperBound)]}")
        }
        var header = Array("{\(entries.joined(separator: ","))}".utf8)
        while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
        guard header.count <= Self.headerByteCountMax else {
            throw .malformed("safetensors", "the header would have \(header.count.counted("byte"))")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + header.count + end)
        unsafe withUnsafeBytes(of: UInt64(header.count).littleEndian) {
            unsafe bytes.append(contentsOf: $0)
        }
        bytes += header
        for tensor in stored {
            switch tensor.content {
            case .float32(let values):
                unsafe values.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
            case .float64(let values):
                unsafe values.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
            case .int64(let values):
                unsafe values.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
            }
        }
        return bytes
    }

    private func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

extension Safetensors {
    /// Reads a file's bytes.
    ///
    /// - Throws: ``FormatError`` for anything the format does not allow: a header longer than the
    ///   file or than 100 MB, keys given twice, sizes that do not match, overlaps, holes, bytes
    ///   that no tensor owns, and dtypes other than F32, F64 and I64.
    package init(decoding bytes: [UInt8]) throws(FormatError) {
        guard bytes.count >= 8 else {
            throw .malformed(
                "safetensors", "\(bytes.count.counted("byte")) cannot hold the length of a header")
        }
        let length = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << UInt64(8 * $1) }
        guard length <= UInt64(min(bytes.count - 8, Self.headerByteCountMax)) else {
            throw .malformed(
                "safetensors",
                "a header of \(length.counted("byte")) does not fit \(bytes.count.counted("byte"))")
        }
        let dataStart = 8 + Int(length)
        var parser = SafetensorsHeader(bytes[8..<dataStart])
        try parser.parse()
        try Self.checkCoverage(parser.entries, dataCount: bytes.count - dataStart)
        var tensors: [NamedTensor] = []
        for entry in parser.entries {
            let data = bytes[dataStart + entry.begin..<dataStart + entry.end]
            let content: NamedTensor.Content =
                switch entry.kind {
                case .float32: .float32(Self.values(data, of: Float.self, size: 4))
                case .float64: .float64(Self.values(data, of: Double.self, size: 8))
                case .int64: .int64(Self.values(data, of: Int64.self, size: 8))
                }
            tensors.append(NamedTensor(name: entry.name, shape: entry.shape, content: content))
        }
        metadata = parser.metadata
        self.tensors = tensors.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    /// Reads a file of at most 64 GiB.
    ///
    /// - Throws: ``FormatError`` that names the file.
    package init(contentsOf path: String) throws(FormatError) {
        let bytes = try FileSystem.read(path, byteCountMax: 64 << 30)
        do throws(FormatError) {
            try self.init(decoding: bytes)
        } catch {
            throw error.located(in: path)
        }
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

    private static func values<Value: BitwiseCopyable>(
        _ data: ArraySlice<UInt8>, of type: Value.Type, size: Int
    ) -> [Value] {
        let count = data.count / size
        return unsafe [Value](unsafeUninitializedCapacity: count) { buffer, initialized in
            unsafe data.withUnsafeBytes { source in
                unsafe UnsafeMutableRawBufferPointer(buffer).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: source.prefix(count * size)))
            }
            initialized = count
        }
    }
}
