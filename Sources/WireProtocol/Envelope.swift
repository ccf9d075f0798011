import Heads
import Numerics
import SwiftProtobuf
import Transfer

extension ProtoEnvelope {
    /// The envelope as the first frame of a message, with this program's version.
    func frame() -> [UInt8] {
        var copy = self
        copy.protocolVersion = WireProtocol.version
        do {
            return try copy.serializedBytes()
        } catch {
            // Over 2 GiB, or for required fields, which proto3 has not: an empty frame would be
            // taken for an attack, and the run would wait for ever.
            preconditionFailure("an envelope cannot be serialised: \(error)")
        }
    }

    /// Reads the first frame of a message; the version is checked before anything else in it.
    init(_ frames: [[UInt8]], _ limits: WireLimits) throws(WireError) {
        guard let first = frames.first else { throw .malformed("it has no frames") }
        guard frames.count <= limits.frameCountMax else {
            throw .malformed("it has \(frames.count) frames")
        }
        guard first.count <= limits.envelopeByteCountMax else {
            throw .overLimit("an envelope of \(first.count.counted("byte"))")
        }
        for frame in frames.dropFirst() where frame.count > limits.frameByteCountMax {
            throw .overLimit("a frame of \(frame.count.counted("byte"))")
        }
        var options = BinaryDecodingOptions()
        options.messageDepthLimit = 8
        options.discardUnknownFields = true
        let header: ProtoAnyEnvelope
        do {
            header = try ProtoAnyEnvelope(serializedBytes: first, options: options)
        } catch {
            throw .malformed("the envelope cannot be parsed")
        }
        // The body of another version may mean anything: it is not even parsed.
        guard header.protocolVersion == WireProtocol.version || header.hasRefused else {
            throw .versionMismatch(peer: header.protocolVersion)
        }
        guard header.protocolVersion == WireProtocol.version else {
            self.init()
            refused = header.refused
            return
        }
        do {
            try self.init(serializedBytes: first, options: options)
        } catch {
            throw .malformed("the envelope cannot be parsed")
        }
    }
}

/// The frames behind an envelope, each to be taken exactly if its message has one.
struct Payload {
    private let frames: [[UInt8]]

    init(_ frames: [[UInt8]]) {
        self.frames = Array(frames.dropFirst())
    }

    /// For messages that are an envelope and nothing else.
    func none() throws(WireError) {
        guard frames.isEmpty else { throw .malformed("a frame follows where none belongs") }
    }

    /// For messages with one frame.
    func one() throws(WireError) -> [UInt8] {
        guard frames.count == 1, let frame = frames.first else {
            throw .malformed("the frame behind the envelope is missing")
        }
        return frame
    }

    /// For messages whose numbers take as many frames as they need, none empty, of so many bytes together.
    func all(byteCountMax: Int) throws(WireError) -> [[UInt8]] {
        guard !frames.contains([]) else { throw .malformed("a frame behind the envelope is empty") }
        let byteCount = frames.reduce(0) { $0 + $1.count }
        guard byteCount <= byteCountMax else {
            throw .overLimit("\(byteCount.counted("byte")) behind an envelope")
        }
        return frames
    }

    /// The pages of a manifest, with exactly so many frames behind them.
    func pages(_ count: Int, framesBehind: Int) throws(WireError) -> ArraySlice<[UInt8]> {
        guard frames.count == count + framesBehind else {
            throw .malformed(
                "\(frames.count) frames follow where \(count + framesBehind) belong")
        }
        return frames.prefix(count)
    }

    /// The frame behind the pages of a manifest.
    func last() throws(WireError) -> [UInt8] {
        guard let frame = frames.last else {
            throw .malformed("the frame behind the envelope is missing")
        }
        return frame
    }
}

/// Checks on the way from fields to values; `what` names the field in the error.
enum Check {
    static func count(
        _ value: some BinaryInteger, _ what: String, in range: ClosedRange<Int>
    ) throws(WireError) -> Int {
        guard let result = Int(exactly: value), range.contains(result) else {
            throw .badValue("\(what) is \(value), not in \(range.lowerBound)...\(range.upperBound)")
        }
        return result
    }

    static func length(_ count: Int, _ what: String, max: Int) throws(WireError) {
        guard count <= max else { throw .overLimit("\(count) \(what), at most \(max) are taken") }
    }

    /// A manifest whose chunks cover all that it names.
    static func manifest(
        _ manifest: ChunkManifest, byteCountMax: Int
    ) throws(WireError) {
        do throws(TransferError) {
            try manifest.validate(byteCountMax: byteCountMax)
        } catch {
            throw error.code == .tooLarge ? .overLimit(error.message) : .badValue(error.message)
        }
    }

    /// A finite number from zero upwards.
    static func seconds(_ value: Double, _ what: String) throws(WireError) -> Double {
        guard value.isFinite, value >= 0 else { throw .badValue("\(what) is \(value)") }
        return value
    }

    static func number(
        _ value: Float, _ what: String, in range: Range<Float>
    ) throws(WireError) -> Float {
        // NaN is in no range.
        guard range.contains(value) else { throw .badValue("\(what) is \(value)") }
        return value
    }

    /// A short text that is shown in tables: no control characters.
    static func name(
        _ text: String, _ what: String, _ limits: WireLimits
    ) throws(WireError) -> String {
        try length(text.utf8.count, "bytes of \(what)", max: limits.nameByteCountMax)
        guard !text.unicodeScalars.contains(where: isControl) else {
            throw .badValue("\(what) has control characters")
        }
        return text
    }

    /// An explanation: control characters would play tricks on a terminal, and become spaces.
    static func reason(
        _ text: String, _ what: String, _ limits: WireLimits
    ) throws(WireError) -> String {
        try length(text.utf8.count, "bytes of \(what)", max: limits.reasonByteCountMax)
        return withoutControls(text)
    }

    /// The text with spaces in place of control characters.
    static func withoutControls(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { scalars.append(isControl(scalar) ? " " : scalar) }
        return String(scalars)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    /// Heads whose groups have strictly ascending classes, none twice.
    static func heads(
        _ list: [ProtoHeadDescription], _ limits: WireLimits
    ) throws(WireError) -> [HeadKey] {
        try length(list.count, "heads", max: limits.headCountMax)
        guard !list.isEmpty else { throw .badValue("a bundle without heads") }
        var classSetByteCount = 0
        var keys: Set<HeadKey> = []
        var result: [HeadKey] = []
        result.reserveCapacity(list.count)
        for head in list {
            // The largest class sets a class set's memory.
            let last = try count(
                head.classes.max() ?? 0, "a class of a head", in: 0...limits.classCountMax - 1)
            classSetByteCount += (last / 64 + 1) * 8 * (head.groupSizes.count + 1)
            try length(
                classSetByteCount, "bytes of class sets", max: limits.classSetByteCountMax)
            let key = try self.key(head.classes, head.groupSizes)
            guard keys.insert(key).inserted else { throw .badValue("a head twice in one bundle") }
            result.append(key)
        }
        return result
    }

    private static func key(
        _ classes: [UInt32], _ sizes: [UInt32]
    ) throws(WireError) -> HeadKey {
        if sizes.isEmpty {
            guard classes.count >= 2 else { throw .badValue("a head of fewer than two classes") }
            guard zip(classes, classes.dropFirst()).allSatisfy({ $0 < $1 }) else {
                throw .badValue("the classes of a head do not ascend")
            }
            return HeadKey(ClassSet(classes.map(Int.init)))
        }
        var groups: [ClassSet] = []
        var position = 0
        for size in sizes {
            guard size > 0, Int(size) <= classes.count - position else {
                throw .badValue("the groups of a head are not its classes")
            }
            let group = classes[position..<position + Int(size)]
            guard zip(group, group.dropFirst()).allSatisfy({ $0 < $1 }) else {
                throw .badValue("the classes of a head do not ascend")
            }
            groups.append(ClassSet(group.map(Int.init)))
            position += Int(size)
        }
        guard position == classes.count, let key = HeadKey(groups: groups) else {
            throw .badValue("a head tells fewer than two groups apart, or a class is in two")
        }
        // Written in one way only, so that the order of outputs is never in doubt.
        guard !key.tellsSingleClasses, key.groups == groups else {
            throw .badValue("the groups of a head do not ascend, or are single classes")
        }
        return key
    }
}

extension HeadKey {
    /// The head as fields.
    var wire: ProtoHeadDescription {
        var head = ProtoHeadDescription()
        guard !tellsSingleClasses else {
            head.classes = classes.members.map { UInt32(clamping: $0) }
            return head
        }
        head.classes = groups.flatMap { $0.members.map { UInt32(clamping: $0) } }
        head.groupSizes = groups.map { UInt32(clamping: $0.count) }
        return head
    }
}

extension String {
    /// The text cut to at most `byteCount` bytes, between characters.
    func truncated(toByteCount byteCount: Int) -> String {
        guard utf8.count > byteCount else { return self }
        var result = ""
        var used = 0
        for character in self {
            used += character.utf8.count
            if used > byteCount { break }
            result.append(character)
        }
        return result
    }

    /// The text as a name that every receiver takes: it may come from a command line or a host.
    func asName(_ limits: WireLimits) -> String {
        Check.withoutControls(self).truncated(toByteCount: limits.nameByteCountMax)
    }
}
