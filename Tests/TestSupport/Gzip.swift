/// A number, its most significant byte first.
package func bigEndian(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(value >> $0 & 0xFF) }
}

/// A number, its least significant byte first.
package func littleEndian(_ value: UInt32) -> [UInt8] {
    bigEndian(value).reversed()
}

/// A gzip member of one stored block, made by hand: at most 65,535 bytes.
package func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var crc = UInt32.max
    for byte in bytes {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    let count = UInt32(bytes.count)
    let header: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]
    let block = [1] + littleEndian(count | (~count & 0xFFFF) << 16) + bytes
    return header + block + littleEndian(~crc) + littleEndian(count)
}
