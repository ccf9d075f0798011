import Heads
import Numerics

#if _endian(big)
#error("tensor frames are little-endian: swap bytes in TensorFrame on this platform")
#endif

/// The bytes of heads: of each block the weights `[head, output, feature]`, then the biases
/// `[head, output]`; float32 little-endian.
enum TensorFrame {
    /// Blocks in frames of at most `byteCountMax` bytes; a frame ends anywhere.
    static func encode(_ blocks: [HeadBlock], byteCountMax: Int) -> [[UInt8]] {
        var frames: [[UInt8]] = [[]]
        for values in blocks.flatMap({ [$0.weights, $0.biases] }) {
            unsafe values.withUnsafeBytes { bytes in
                var rest = unsafe bytes[...]
                while unsafe !rest.isEmpty {
                    if frames[frames.count - 1].count == byteCountMax { frames.append([]) }
                    let room = byteCountMax - frames[frames.count - 1].count
                    unsafe frames[frames.count - 1].append(contentsOf: rest.prefix(room))
                    unsafe rest = rest.dropFirst(room)
                }
            }
        }
        return frames
    }

    /// Reads heads of these keys: a block for each run of keys with as many outputs.
    ///
    /// Refuses any other length and numbers not finite.
    static func decode(
        _ frames: some Collection<[UInt8]>, keys: [HeadKey], featureCount: Int
    ) throws(WireError) -> [HeadBlock] {
        // Bounded by the limits on heads, classes and features: far from overflow.
        let byteCount = BundleTrained.byteCount(of: keys, featureCount: featureCount)
        let received = frames.reduce(0) { $0 + $1.count }
        guard received == byteCount else {
            throw .badValue("\(received.counted("byte")) of heads, not \(byteCount)")
        }
        var reader = FloatReader(frames)
        var blocks: [HeadBlock] = []
        var rest = keys[...]
        while let outputCount = rest.first?.outputCount {
            let run = rest.prefix { $0.outputCount == outputCount }
            rest = rest.dropFirst(run.count)
            let weights = reader.floats(run.count * outputCount * featureCount)
            let biases = reader.floats(run.count * outputCount)
            guard weights.allSatisfy(\.isFinite), biases.allSatisfy(\.isFinite),
                let block = HeadBlock(
                    keys: Array(run), featureCount: featureCount, weights: weights, biases: biases)
            else { throw .badValue("weights of a head are not finite") }
            blocks.append(block)
        }
        return blocks
    }
}

/// Floats one after the other out of frames that may end inside one.
private struct FloatReader<Frames: Collection<[UInt8]>> {
    private let frames: Frames
    private var frame: Frames.Index
    private var offset = 0

    init(_ frames: Frames) {
        self.frames = frames
        frame = frames.startIndex
    }

    /// The next `count` floats, which the caller has checked to be there.
    mutating func floats(_ count: Int) -> [Float] {
        var (frame, offset) = (frame, offset)
        let values = unsafe [Float](unsafeUninitializedCapacity: count) { target, initialized in
            let bytes = UnsafeMutableRawBufferPointer(target)
            var filled = 0
            while filled < count * 4 {
                let part = min(frames[frame].count - offset, count * 4 - filled)
                unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[filled..<filled + part])
                    .copyBytes(from: frames[frame][offset..<offset + part])
                filled += part
                offset += part
                if offset == frames[frame].count {
                    (frame, offset) = (frames.index(after: frame), 0)
                }
            }
            initialized = count
        }
        (self.frame, self.offset) = (frame, offset)
        return values
    }
}
