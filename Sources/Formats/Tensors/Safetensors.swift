import Numerics

/// A safetensors file: named tensors and a map of strings.
///
/// The format is huggingface/safetensors' `README.md`: a little-endian 64-bit header length, a JSON
/// header, and the tensors' bytes without holes. What is written has sorted keys, and the 8-byte
/// tensors first, so that equal tensors give equal bytes and every tensor is aligned. What is read
/// is checked in full before a tensor is believed. ``SafetensorsFile`` reads single tensors of a file.
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
        let (header, stored, byteCount) = try layout()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(header.count + byteCount)
        bytes += header
        for tensor in stored {
            try unsafe tensor.content.withBytes { unsafe bytes.append(contentsOf: $0) }
        }
        return bytes
    }

    /// Replaces the file at `path`, whole or not at all; no tensor is copied in memory.
    ///
    /// - Throws: ``FormatError`` as ``encoded()``, and for a file that cannot be written.
    package func write(to path: String) throws(FormatError) {
        let (header, stored, _) = try layout()
        try AtomicFile.write(to: path) { (output) throws(FormatError) in
            try output.append(header)
            for tensor in stored {
                try unsafe tensor.content.withBytes { (raw) throws(FormatError) in
                    try unsafe output.append(raw)
                }
            }
        }
    }

    /// The header with its length, and the tensors in the order in which they follow it.
    private func layout() throws(FormatError) -> (
        header: [UInt8], stored: [NamedTensor], byteCount: Int
    ) {
        let byName = tensors.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        for (left, right) in zip(byName, byName.dropFirst()) where left.name == right.name {
            throw .malformed("safetensors", "two tensors are named \(left.name)")
        }
        // Eight-byte values first, so that all lie at a multiple of their size; holes are not
        // allowed.
        let stored =
            byName.filter { $0.content.valueByteCount == 8 }
            + byName.filter { $0.content.valueByteCount < 8 }
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
        let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
        return (length + header, stored, end)
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
        let file = try SafetensorsFile(unnamed: ByteSource(bytes, name: "safetensors"))
        metadata = file.metadata
        tensors = try file.tensors()
    }

    /// Reads a file, each tensor into its own memory and nothing twice.
    ///
    /// - Throws: ``FormatError`` that names the file.
    package init(contentsOf path: String) throws(FormatError) {
        let source = try ByteSource(path)
        do throws(FormatError) {
            let file = try SafetensorsFile(unnamed: source)
            metadata = file.metadata
            tensors = try file.tensors()
        } catch {
            throw error.located(in: path)
        }
    }
}
