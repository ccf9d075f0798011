/// A zip file, as `np.savez` and `np.savez_compressed` write it: members stored or deflated.
///
/// The format is PKWARE's APPNOTE, with the sizes of zip64 and with data descriptors. Nothing is
/// trusted: members that overlap, sizes that do not fit the file or that the two headers of a member
/// give differently, encryption and other ways of packing are refused.
package struct ZipArchive: Sendable {
    /// A file in the archive.
    struct Member: Sendable {
        let name: String
        /// What the contents have, compressed and not.
        let packedByteCount: Int
        let byteCount: Int
        let checksum: UInt32
        fileprivate let flags: Int
        fileprivate let method: Int
        fileprivate let headerStart: Int
        /// Known once the member's own header is read.
        fileprivate(set) var dataStart = 0
    }

    /// Where the archive is.
    package let path: String
    /// In the order of the directory.
    let members: [Member]
    private let source: ByteSource

    private static let memberCountMax = 1 << 16
    private static let directoryByteCountMax = 64 << 20

    /// Whether the bytes of a file begin as those of a zip file do.
    package static func isZip(_ source: ByteSource) throws(FormatError) -> Bool {
        let start = try source.bytes(in: 0..<4)
        return [[3, 4], [5, 6]].contains { start == [0x50, 0x4B] + $0 }
    }

    /// Reads the directory and checks all of it.
    ///
    /// - Throws: ``FormatError`` that names the file.
    package init(_ source: ByteSource) throws(FormatError) {
        path = source.path
        self.source = source
        let directory = try Self.directory(source)
        guard directory.count <= Self.memberCountMax,
            directory.range.count <= Self.directoryByteCountMax
        else {
            throw Self.fault(source.path, "it has \(directory.count) members, which is too many")
        }
        var fields = LittleEndianFields(try source.bytes(in: directory.range))
        var members: [Member] = []
        var names: Set<String> = []
        for _ in 0..<directory.count {
            guard let member = Self.member(&fields) else {
                throw Self.fault(source.path, "its directory is damaged")
            }
            guard names.insert(member.name).inserted else {
                throw Self.fault(source.path, "two members are named \(member.name)")
            }
            members.append(member)
        }
        guard fields.isAtEnd else { throw Self.fault(source.path, "its directory is damaged") }
        for index in members.indices {
            try Self.locate(&members[index], source, end: directory.range.lowerBound)
        }
        let byPlace = members.sorted { $0.headerStart < $1.headerStart }
        for (member, next) in zip(byPlace, byPlace.dropFirst()) {
            guard member.dataStart + member.packedByteCount <= next.headerStart else {
                throw Self.fault(source.path, "its members \(member.name) and \(next.name) overlap")
            }
        }
        self.members = members
    }

    /// The names of the arrays in it, without their `.npy`, in the order of the directory.
    package var arrayNames: [String] {
        files.map(\.name).filter { $0.hasSuffix(".npy") }.map { String($0.dropLast(4)) }
    }

    /// The members without folders, and without what macOS adds to every file.
    private var files: [Member] {
        members.filter { !$0.name.hasSuffix("/") && !$0.name.hasPrefix("__MACOSX/") }
    }

    /// The array of a name, with or without `.npy`.
    ///
    /// - Throws: ``FormatError`` that names what there is, if there is none of that name, and for a
    ///   member that is damaged.
    package func array(
        named name: String, readsBfloat16: Bool = false
    ) throws(FormatError) -> NPYReader {
        // Archives may hold both x and x.npy, in members named x.npy and x.npy.npy.
        let found = files.first { $0.name == name + ".npy" } ?? files.first { $0.name == name }
        guard let member = found else {
            throw .malformed(
                path, "it holds no array \(name); name one of \(arrayNames.joined(separator: ", "))"
            )
        }
        return try NPYReader(
            ByteReader(
                source, "\(path):\(name)",
                range: member.dataStart..<member.dataStart + member.packedByteCount,
                wrapping: member.method == 8 ? Inflater.Wrapping.none : nil,
                contentByteCount: member.byteCount, checksum: member.checksum),
            readsBfloat16: readsBfloat16)
    }

    private static func fault(_ path: String, _ what: String) -> FormatError {
        .malformed("\(path): zip file", what + "; write it again with np.savez")
    }
}

extension ZipArchive {
    private static let endByteCount = 22
    private static let locatorByteCount = 20
    private static let end64ByteCount = 56

    /// Where the directory is, and how many members it lists, by the record at the file's end.
    private static func directory(
        _ source: ByteSource
    ) throws(FormatError) -> (range: Range<Int>, count: Int) {
        let tailStart = max(0, source.byteCount - endByteCount - 0xFFFF)
        let tail = try source.bytes(in: tailStart..<source.byteCount)
        // The record ends with a comment of a length that it gives.
        let place = stride(from: tail.count - endByteCount, through: 0, by: -1).first { place in
            tail[place...].starts(with: [0x50, 0x4B, 5, 6])
                && place + endByteCount + Int(tail[place + 20]) + Int(tail[place + 21]) << 8
                    == tail.count
        }
        guard let place else { throw fault(source.path, "it ends early, or is no zip file") }
        var fields = LittleEndianFields(Array(tail[place...]))
        guard fields.take(4) != nil, let disk = fields.take(4), let here = fields.take(2),
            var count = fields.take(2), var size = fields.take(4), var start = fields.take(4)
        else { throw fault(source.path, "its end is damaged") }
        var end = tailStart + place
        if count == 0xFFFF || size == 0xFFFF_FFFF || start == 0xFFFF_FFFF {
            let locatorStart = end - locatorByteCount
            guard locatorStart >= 0 else { throw fault(source.path, "its end is damaged") }
            var locator = LittleEndianFields(try source.bytes(in: locatorStart..<end))
            guard locator.take(4) == 0x0706_4B50, locator.take(4) == 0, let place = locator.take(8),
                place <= locatorStart - end64ByteCount
            else { throw fault(source.path, "its zip64 end is damaged") }
            var fields = LittleEndianFields(try source.bytes(in: place..<place + end64ByteCount))
            guard fields.take(4) == 0x0606_4B50, fields.take(8) != nil, fields.take(4) != nil,
                fields.take(8) == 0, let here64 = fields.take(8), let count64 = fields.take(8),
                let size64 = fields.take(8), let start64 = fields.take(8), here64 == count64
            else { throw fault(source.path, "its zip64 end is damaged") }
            (count, size, start, end) = (count64, size64, start64, place)
        } else {
            guard here == count else { throw fault(source.path, "it is one of several parts") }
        }
        guard disk == 0 else { throw fault(source.path, "it is one of several parts") }
        guard size <= end, start == end - size else {
            throw fault(source.path, "its directory is not where it says")
        }
        return (start..<end, count)
    }

    /// The next member of the directory; nil for one that is damaged.
    private static func member(_ fields: inout LittleEndianFields) -> Member? {
        guard fields.take(4) == 0x0201_4B50, fields.take(4) != nil, let flags = fields.take(2),
            let method = fields.take(2), fields.take(4) != nil, let checksum = fields.take(4),
            let packed = fields.take(4), let size = fields.take(4), let nameCount = fields.take(2),
            let extraCount = fields.take(2), let commentCount = fields.take(2),
            // Attributes: of a file of Unix they are no number that is taken.
            fields.bytes(8) != nil, let start = fields.take(4),
            let name = fields.bytes(nameCount), let extra = fields.bytes(extraCount),
            fields.bytes(commentCount) != nil
        else { return nil }
        var wide = Zip64Sizes(extra)
        guard let byteCount = wide.value(size), let packedByteCount = wide.value(packed),
            let headerStart = wide.value(start),
            let text = String(validating: name, as: UTF8.self)
        else { return nil }
        return Member(
            name: text, packedByteCount: packedByteCount, byteCount: byteCount,
            checksum: UInt32(checksum), flags: flags, method: method, headerStart: headerStart)
    }

    /// Finds the data of a member by its own header, which must say what the directory says.
    private static func locate(
        _ member: inout Member, _ source: ByteSource, end: Int
    ) throws(FormatError) {
        let name = member.name
        guard member.flags & 1 == 0 else { throw fault(source.path, "its \(name) is encrypted") }
        guard member.method == 0 || member.method == 8 else {
            throw fault(source.path, "its \(name) is packed by method \(member.method)")
        }
        guard member.headerStart <= end - 30, member.packedByteCount <= end,
            member.method == 0
                ? member.byteCount == member.packedByteCount
                : member.byteCount <= member.packedByteCount * Inflater.ratioMax
        else { throw fault(source.path, "the sizes of its \(name) do not fit") }
        var fields = LittleEndianFields(
            try source.bytes(in: member.headerStart..<member.headerStart + 30))
        guard fields.take(4) == 0x0403_4B50, fields.take(2) != nil, let flags = fields.take(2),
            let method = fields.take(2), fields.take(4) != nil, let checksum = fields.take(4),
            let packed = fields.take(4), let size = fields.take(4), let nameCount = fields.take(2),
            let extraCount = fields.take(2), method == member.method
        else { throw fault(source.path, "the header of its \(name) is damaged") }
        let extraStart = member.headerStart + 30 + nameCount
        member.dataStart = extraStart + extraCount
        guard member.dataStart <= end - member.packedByteCount else {
            throw fault(source.path, "its \(name) does not fit the file")
        }
        let ownName = try source.bytes(in: member.headerStart + 30..<extraStart)
        var wide = Zip64Sizes(try source.bytes(in: extraStart..<member.dataStart))
        // With a data descriptor the sizes come after the data, and this header has none.
        let hasSizes = flags & 8 == 0
        guard ownName.elementsEqual(name.utf8),
            !hasSizes
                || wide.value(size) == member.byteCount
                    && wide.value(packed)
                        == member.packedByteCount
                    && checksum == Int(member.checksum)
        else { throw fault(source.path, "the two headers of its \(name) differ") }
    }
}

/// Sizes that 32 bits do not hold, in the extra field of a header; in order, only those needed.
private struct Zip64Sizes {
    private var fields: LittleEndianFields?

    init(_ extra: [UInt8]) {
        var all = LittleEndianFields(extra)
        while let kind = all.take(2), let count = all.take(2), let bytes = all.bytes(count) {
            if kind == 1 {
                fields = LittleEndianFields(bytes)
                return
            }
        }
    }

    /// A size of 32 bits, or the next that stands for it; nil if there is none.
    mutating func value(_ size: Int) -> Int? {
        size == 0xFFFF_FFFF ? fields?.take(8) : size
    }
}

/// Whole numbers and bytes one after another.
private struct LittleEndianFields {
    private let all: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) { all = bytes }

    var isAtEnd: Bool { index == all.count }

    /// The next number, of up to 8 bytes; nil at the end, or if it is 2^62 or more.
    mutating func take(_ count: Int) -> Int? {
        guard let bytes = bytes(count) else { return nil }
        let value = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        // Small enough that a sum of two does not overflow.
        return value < 1 << 62 ? Int(value) : nil
    }

    mutating func bytes(_ count: Int) -> [UInt8]? {
        guard count <= all.count - index else { return nil }
        defer { index += count }
        return Array(all[index..<index + count])
    }
}
