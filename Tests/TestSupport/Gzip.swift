/// A number, its most significant byte first.
package func bigEndian(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(value >> $0 & 0xFF) }
}

/// A number, its least significant byte first.
package func littleEndian(_ value: UInt32) -> [UInt8] {
    bigEndian(value).reversed()
}

/// A gzip member of stored blocks, made by hand.
package func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var crc = UInt32.max
    for byte in bytes {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    let header: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]
    // A block has at most 65,535 bytes, and the last says so.
    var blocks: [UInt8] = []
    var start = 0
    repeat {
        let end = min(start + 65_535, bytes.count)
        let count = UInt32(end - start)
        blocks += [end == bytes.count ? 1 : 0] + littleEndian(count | (~count & 0xFFFF) << 16)
        blocks += bytes[start..<end]
        start = end
    } while start < bytes.count
    return header + blocks + littleEndian(~crc) + littleEndian(UInt32(bytes.count))
}
