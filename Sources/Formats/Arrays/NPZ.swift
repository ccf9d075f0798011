import Glibc

/// Arrays in one file, as `np.load` reads them: members of a zip file, stored and not packed.
///
/// Each array is made twice, once for its checksum and once for the file, so none is held in memory.
/// Sizes and places are always of 64 bits (zip64), as `np.savez` writes them.
package enum NPZ {
    /// An array with its name.
    package struct Array: Sendable {
        /// The values of an array.
        package enum Content: Sendable {
            /// float32, as many rows.
            case rows(FloatRows)
            /// float32, in one axis.
            case floats([Float])
            /// float64, in one axis.
            case doubles([Double])
            /// int64, in one axis.
            case integers([Int64])
            /// int64, rows of two.
            case pairs([(Int64, Int64)])
            /// Text of any script, in one axis.
            case texts([String])
        }

        /// Without `.npy`.
        package let name: String
        /// The values.
        package let content: Content

        /// An array of a name.
        package init(_ name: String, _ content: Content) {
            self.name = name
            self.content = content
        }
    }

    /// Writes arrays, none of the same name, in this order.
    ///
    /// - Throws: ``FormatError`` when the file cannot be written.
    package static func write(_ arrays: [Array], to path: String) throws(FormatError) {
        try AtomicFile.write(to: path) { (output) throws(FormatError) in
            var directory: [UInt8] = []
            var place = 0
            for array in arrays {
                var checksum: UInt32 = 0
                var byteCount = 0
                array.forEachPiece { piece in
                    checksum = unsafe piece.withUnsafeBytes { unsafe crc32(checksum, $0) }
                    byteCount += piece.count
                }
                let member = Member(
                    name: Swift.Array("\(array.name).npy".utf8), checksum: checksum,
                    byteCount: byteCount, place: place)
                try output.append(member.localHeader)
                try array.forEachPiece { (piece) throws(FormatError) in try output.append(piece) }
                directory += member.directoryEntry
                place += member.localHeader.count + byteCount
            }
            try output.append(directory)
            try output.append(
                Self.end(memberCount: arrays.count, directory: directory.count, place: place))
        }
    }

    /// The records behind the directory: of 64 bits, where that is, and of 32 bits.
    private static func end(memberCount: Int, directory: Int, place: Int) -> [UInt8] {
        let wide =
            bytes(0x0606_4B50, 4) + bytes(44, 8) + bytes(45, 2) + bytes(45, 2) + bytes(0, 8)
            + bytes(memberCount, 8) + bytes(memberCount, 8) + bytes(directory, 8) + bytes(place, 8)
        let locator =
            bytes(0x0706_4B50, 4) + bytes(0, 4) + bytes(place + directory, 8) + bytes(1, 4)
        let narrow =
            bytes(0x0605_4B50, 4) + bytes(0, 4) + bytes(0xFFFF, 2) + bytes(0xFFFF, 2)
            + bytes(0xFFFF_FFFF, 4) + bytes(0xFFFF_FFFF, 4) + bytes(0, 2)
        return wide + locator + narrow
    }

    /// A number, little-endian.
    fileprivate static func bytes(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    /// What both headers of a member say.
    private struct Member {
        let name: [UInt8]
        let checksum: UInt32
        let byteCount: Int
        let place: Int

        /// From the version to the length of the name; all sizes are in the extra field.
        private var common: [UInt8] {
            // Version 4.5, names in UTF-8, stored, and 1 January 1980, so that equal arrays are equal files.
            bytes(45, 2) + bytes(1 << 11, 2) + bytes(0, 2) + bytes(0, 2) + bytes(1 << 5 | 1, 2)
                + bytes(Int(checksum), 4) + bytes(0xFFFF_FFFF, 4) + bytes(0xFFFF_FFFF, 4)
                + bytes(name.count, 2)
        }

        var localHeader: [UInt8] {
            let extra = bytes(1, 2) + bytes(16, 2) + bytes(byteCount, 8) + bytes(byteCount, 8)
            return bytes(0x0403_4B50, 4) + common + bytes(extra.count, 2) + name + extra
        }

        var directoryEntry: [UInt8] {
            let extra =
                bytes(1, 2) + bytes(24, 2) + bytes(byteCount, 8) + bytes(byteCount, 8)
                + bytes(place, 8)
            return bytes(0x0201_4B50, 4) + bytes(45, 2) + common + bytes(extra.count, 2)
                + bytes(0, 2) + bytes(0, 2) + bytes(0, 2) + bytes(0, 4) + bytes(0xFFFF_FFFF, 4)
                + name + extra
        }
    }
}

extension NPZ.Array {
    /// NumPy's name of the type.
    package var type: String {
        switch content {
        case .rows, .floats: "<f4"
        case .doubles: "<f8"
        case .integers, .pairs: "<i8"
        case .texts(let texts): "<U\(Self.width(texts))"
        }
    }

    /// Lengths of the axes.
    package var shape: [Int] {
        switch content {
        case .rows(let rows): [rows.rowCount, rows.columnCount]
        case .floats(let values): [values.count]
        case .doubles(let values): [values.count]
        case .integers(let values): [values.count]
        case .pairs(let values): [values.count, 2]
        case .texts(let values): [values.count]
        }
    }

    private static func width(_ texts: [String]) -> Int {
        max(1, texts.map(\.unicodeScalars.count).max() ?? 1)
    }

    /// Calls `body` with the bytes of the array's file, piece by piece.
    fileprivate func forEachPiece<Failure: Error>(
        _ body: ([UInt8]) throws(Failure) -> Void
    ) throws(Failure) {
        try body(NPY.header(type, shape: shape))
        switch content {
        case .rows(let rows):
            for index in 0..<rows.rowCount { try body(Self.bytes(rows[index])) }
        case .floats(let values): try body(Self.bytes(values))
        case .doubles(let values):
            try body(values.flatMap { NPZ.bytes(Int(bitPattern: UInt($0.bitPattern)), 8) })
        case .integers(let values): try body(values.flatMap { NPZ.bytes(Int($0), 8) })
        case .pairs(let values):
            for (first, second) in values {
                try body(NPZ.bytes(Int(first), 8) + NPZ.bytes(Int(second), 8))
            }
        case .texts(let texts):
            let width = Self.width(texts)
            for text in texts {
                let scalars = text.unicodeScalars.map { Int($0.value) }
                let padded = scalars + [Int](repeating: 0, count: width - scalars.count)
                try body(padded.flatMap { NPZ.bytes($0, 4) })
            }
        }
    }

    private static func bytes(_ values: [Float]) -> [UInt8] {
        unsafe values.withUnsafeBytes { unsafe [UInt8]($0) }
    }
}
