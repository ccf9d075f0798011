import Transfer

/// What both sides agree on before the first byte.
package enum WireProtocol {
    /// The version this program speaks; only equal versions work together.
    package static let version: UInt32 = 7

    /// The topic of a run's feature broadcast: the first frame of each of its messages.
    ///
    /// The word keeps the door open for other broadcasts; the run keeps out a former one's chunks.
    package static func featureTopic(runID: [UInt8]) -> [UInt8] {
        Array("features/".utf8) + runID
    }

    /// Bytes of a message of these frames on a connection: each frame with the header that ZMTP 3
    /// puts before it.
    package static func byteCount(ofMessage frames: [[UInt8]]) -> Int {
        frames.reduce(0) { $0 + $1.count + ($1.count > 255 ? 9 : 2) }
    }
}

/// How large anything in a message may be; checked before memory is set aside for it.
package struct WireLimits: Hashable, Sendable {
    /// Bytes of an envelope.
    package var envelopeByteCountMax = 1 << 20
    /// Bytes of a raw frame: a chunk, a part of a bundle's heads or a task's outcome.
    package var frameByteCountMax = 16 << 20
    /// Frames of a message; with the name of the peer before them as many as a socket takes.
    package var frameCountMax = 63
    /// Bytes of a bundle's heads, in as many frames as they take.
    package var resultByteCountMax = 128 << 20
    /// Bytes of a chunk.
    package var chunkByteCountMax = ChunkManifest.chunkByteCountMax
    /// Classes of a run.
    package var classCountMax = 65_535
    /// Features of a row.
    package var featureCountMax = 65_536
    /// Rows of a run; the trainers count them in 32 bits, the end of the last class too.
    package var rowCountMax = Int(UInt32.max)
    /// Bytes of a run's features.
    package var featureByteCountMax = 64 << 30
    /// Chunks of a run's features, or of a job's materials.
    package var chunkCountMax = ChunkManifest.chunkCountMax
    /// Bytes of a task's description.
    package var taskDescriptionByteCountMax = 960 << 10
    /// Materials of a job.
    package var materialCountMax = 1_024
    /// Bytes of a job's materials.
    package var materialByteCountMax = 4 << 30
    /// Heads in a bundle.
    package var headCountMax = 16_384
    /// Bytes of memory for the class sets of a bundle, which a few bytes of envelope can claim.
    package var classSetByteCountMax = 32 << 20
    /// Chunks one request may ask for.
    package var requestedChunkCountMax = 64
    /// Bundles a worker may say it is running.
    package var runningBundleCountMax = 1_024
    /// Bytes of a name, host, or instruction set.
    package var nameByteCountMax = 255
    /// Bytes of a reason; longer ones are cut off when sent.
    package var reasonByteCountMax = 2_048

    /// The limits that both programs keep to.
    package init() {}
}
