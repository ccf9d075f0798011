/// Damages valid messages and files in the ways that peers, disks and attackers do.
///
/// A seed makes everything, so that a finding is told by one number.
package struct Mutator: Sendable {
    /// What is to be damaged, and where pieces are taken from: messages of one frame or more.
    private let samples: [[[UInt8]]]
    /// The last messages that were given out, to be said again.
    private var earlier: [[[UInt8]]] = []
    /// The source of all chance.
    package var generator: SeededGenerator

    private static let earlierCountMax = 64
    /// Bytes that lie at the edges of what numbers and tags can be.
    private static let edges: [UInt8] = [0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF]

    /// A mutator of these valid messages.
    package init(_ samples: [[[UInt8]]], seed: UInt64) {
        precondition(!samples.isEmpty)
        self.samples = samples
        generator = SeededGenerator(seed: seed)
    }

    /// A message: now and then a valid one, said before or out of order, mostly a damaged one.
    package mutating func message() -> [[UInt8]] {
        var frames = samples[draw(samples.count)]
        switch draw(16) {
        case 0...3: break
        case 4: if !earlier.isEmpty { frames = earlier[draw(earlier.count)] }
        case 5: frames = (0..<draw(4)).map { _ in noise(upTo: 64) }
        case 6: frames = recount(frames)
        default:
            for _ in 0..<(generator.chance(0.7) ? 1 : 1 + draw(4)) where !frames.isEmpty {
                // The first frame says what the others are.
                let place = generator.chance(0.7) ? 0 : draw(frames.count)
                frames[place] = damaged(frames[place])
            }
        }
        if earlier.count < Self.earlierCountMax {
            earlier.append(frames)
        } else {
            earlier[draw(earlier.count)] = frames
        }
        return frames
    }

    /// One way of damaging bytes.
    package mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
        var result = bytes
        switch draw(14) {
        case 0: result = noise(upTo: bytes.count + 8)
        case 1: result = Array(bytes.prefix(draw(bytes.count + 1)))
        case 2: result = Array(bytes.dropFirst(draw(bytes.count + 1)))
        case 3, 4: for _ in 0..<1 + draw(4) { flipBit(&result) }
        case 5, 6: overwrite(&result)
        case 7: splice(&result)
        case 8: repeatPiece(&result)
        case 9: insert(length(), into: &result, replacing: 1)
        case 10: result += unknownField()
        case 11: insert(nesting(depth: 1 + draw(200)), into: &result, replacing: draw(2))
        case 12:
            let end = min(result.count, draw(result.count + 1) + draw(9))
            let start = min(end, draw(result.count + 1))
            result.removeSubrange(start..<end)
        default:
            // Larger than anything that is meant, and rarely larger than what is taken.
            let count = draw(500) == 0 ? (1 << 20) + draw(1 << 19) : draw(1 << 12)
            result += [UInt8](repeating: UInt8(draw(256)), count: count)
        }
        return result
    }

    /// A number below `bound`.
    package mutating func draw(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }

    // MARK: - Frames

    /// More frames, fewer, in another order, or of different messages.
    private mutating func recount(_ frames: [[UInt8]]) -> [[UInt8]] {
        let other = samples[draw(samples.count)]
        switch draw(6) {
        case 0: return Array(frames.dropLast())
        case 1: return frames + other
        case 2: return frames.reversed()
        case 3: return frames + [[]]
        case 4: return [frames[0]] + other.dropFirst()
        default: return (0..<draw(100)).map { _ in frames[draw(frames.count)] }
        }
    }

    // MARK: - Bytes

    private mutating func noise(upTo count: Int) -> [UInt8] {
        (0..<draw(count + 1)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    }

    private mutating func flipBit(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        bytes[draw(bytes.count)] ^= 1 << UInt8(draw(8))
    }

    private mutating func overwrite(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        let start = draw(bytes.count)
        let value = Self.edges[draw(Self.edges.count)]
        for place in start..<min(bytes.count, start + 1 + draw(8)) { bytes[place] = value }
    }

    private mutating func splice(_ bytes: inout [UInt8]) {
        let message = samples[draw(samples.count)]
        guard let other = message.isEmpty ? nil : message[draw(message.count)], !other.isEmpty
        else { return }
        let from = draw(other.count)
        insert(
            Array(other[from..<min(other.count, from + 1 + draw(40))]), into: &bytes,
            replacing: draw(16))
    }

    private mutating func repeatPiece(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        let from = draw(bytes.count)
        let piece = bytes[from..<min(bytes.count, from + 1 + draw(32))]
        let copies = [UInt8](Array(repeating: piece, count: 1 + draw(64)).joined())
        bytes.insert(contentsOf: copies, at: from)
    }

    private mutating func insert(_ piece: [UInt8], into bytes: inout [UInt8], replacing: Int) {
        let at = draw(bytes.count + 1)
        bytes.replaceSubrange(at..<min(bytes.count, at + replacing), with: piece)
    }

    /// A number as protobuf writes it, or with more bytes than it may have; mostly far too large.
    private mutating func length() -> [UInt8] {
        [UInt8](repeating: 0xFF, count: 1 + draw(11)) + [UInt8(draw(128))]
    }

    private mutating func unknownField() -> [UInt8] {
        let kind = UInt8(draw(8))
        return [0x80 | UInt8(draw(16)) << 3 | kind, UInt8(1 + draw(127))] + noise(upTo: 16)
    }

    /// Messages, or groups, within each other.
    private mutating func nesting(depth: Int) -> [UInt8] {
        let field = UInt8(1 + draw(15)) << 3
        if generator.chance(0.5) { return [UInt8](repeating: field | 3, count: depth) }
        var result: [UInt8] = []
        for _ in 0..<min(depth, 60) { result = [field | 2, UInt8(result.count & 0x7F)] + result }
        return result
    }
}

/// How many mutated inputs a test takes: `usual`, or what `MANYHEADS_FUZZ_MESSAGES` says.
///
/// - Parameter share: of the number in the environment, for inputs that take longer each.
package func fuzzCount(usual: Int, share: Double = 1) -> Int {
    environmentNumber("MANYHEADS_FUZZ_MESSAGES").map { Int(Double($0) * share) } ?? usual
}

/// Where the mutators' seeds begin.
package var fuzzSeed: UInt64 { environmentNumber("MANYHEADS_FUZZ_SEED") ?? 1 }

/// Whether very many inputs were asked for: a test may then look at the process's memory too, which
/// is otherwise that of many tests at once.
package var isFuzzingHard: Bool { environmentNumber("MANYHEADS_FUZZ_MESSAGES") != nil }
