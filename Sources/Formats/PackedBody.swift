/// Bytes that were packed for their way over a network.
package enum PackedBody {
    /// How, as HTTP names it.
    package enum Encoding: String, Sendable {
        case gzip
        /// What zlib writes; a few programs send it without zlib's header, which is understood too.
        case deflate
    }

    /// Unpacks bytes.
    ///
    /// - Parameter byteCountMax: of the result: a packed byte can stand for a thousand.
    /// - Throws: `FormatError` for damaged bytes, for bytes after the end, and `trailingBytes` for more
    ///   than may be.
    package static func unpack(
        _ bytes: [UInt8], _ encoding: Encoding, byteCountMax: Int
    ) throws(FormatError) -> [UInt8] {
        let isZlib = encoding == .deflate && hasZlibHeader(bytes)
        guard var inflater = Inflater(encoding == .gzip ? .gzip : .none) else {
            throw .cannotRead("the body", "zlib cannot start")
        }
        var result: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 64 << 10)
        var start = isZlib ? 2 : 0
        while true {
            let step = unsafe bytes.withUnsafeBytes { input in
                unsafe block.withUnsafeMutableBytes { output in
                    unsafe inflater.step(
                        UnsafeRawBufferPointer(rebasing: input[start...]), into: output)
                }
            }
            if step.fault != nil { throw damaged(encoding) }
            start += step.consumed
            result += block[..<step.produced]
            guard result.count <= byteCountMax else {
                throw FormatError(
                    .trailingBytes, "the body unpacks to more than \(byteCountMax) bytes")
            }
            if step.isEnd { break }
            if step.consumed == 0, step.produced == 0 { throw damaged(encoding) }
        }
        let rest = bytes[start...]
        guard isZlib ? Array(rest) == checksum(result) : rest.isEmpty else {
            throw damaged(encoding)
        }
        return result
    }

    private static func damaged(_ encoding: Encoding) -> FormatError {
        FormatError(.corrupt, "the body is not \(encoding.rawValue), or is cut short")
    }

    /// Method 8, and a number that 31 divides (RFC 1950, 2.2).
    private static func hasZlibHeader(_ bytes: [UInt8]) -> Bool {
        bytes.count >= 2 && bytes[0] & 0x0F == 8
            && (Int(bytes[0]) << 8 + Int(bytes[1])) % 31 == 0
    }

    /// Adler-32, its most significant byte first.
    private static func checksum(_ bytes: [UInt8]) -> [UInt8] {
        var (first, second): (UInt32, UInt32) = (1, 0)
        for byte in bytes {
            first = (first + UInt32(byte)) % 65_521
            second = (second + first) % 65_521
        }
        return [second >> 8, second, first >> 8, first].map { UInt8(truncatingIfNeeded: $0) }
    }
}
