import Display
import FeatureStore
import HeadTraining
import Heads
import Numerics
import System
import Transfer

// The certificate of heads whose rows are not in memory.
extension OptimumPhase {
    /// Chunks that are read at once.
    private static let chunkCountMax = 16
    /// Bytes of gradients that are summed in one pass over the rows.
    private static let gradientByteCountMax = 48 << 20

    /// The same for rows that come chunk by chunk, in as many passes as memory makes of it; each reads
    /// the rows of its heads' classes.
    func certificate(
        _ heads: [Head], _ chunks: StreamedChunks, l2: Double
    ) async throws -> Certificate {
        var certificate = Certificate()
        var first = 0
        while first < heads.count {
            var end = first
            var byteCount = 0
            repeat {
                byteCount += StreamedGradients.byteCount(of: heads[end])
                end += 1
            } while end < heads.count
                && byteCount + StreamedGradients.byteCount(of: heads[end])
                    <= Self.gradientByteCountMax
            let done = Double(first) / Double(heads.count)
            let share = Double(end - first) / Double(heads.count)
            for norm in try await gradientNorms(
                of: heads[first..<end], chunks, l2: l2,
                onShare: {
                    console.show(.activity("certifying", share: done + $0 * share))
                })
            {
                certificate.add(norm, BundleTrainer.optimumGradientTolerance)
            }
            first = end
        }
        return certificate
    }

    /// One pass over the rows of some heads: the chunks of a round are read on all threads, then added to
    /// each thread's heads in their order.
    private func gradientNorms(
        of heads: ArraySlice<Head>, _ chunks: StreamedChunks, l2: Double,
        onShare: (Double) -> Void
    ) async throws -> [Double] {
        let shape = chunks.shape
        let threadCount = pool.threads.count
        let gradients = try StreamedGradients(
            Array(heads), featureCount: shape.featureCount, classWeightSums: chunks.classWeightSums,
            classKeys: shape.classKeys, isBalanced: options.isBalanced, l2: l2,
            partCount: threadCount)
        let classes = Set(heads.flatMap(\.classes.members))
        let all = chunks.manifest.chunks
        let wanted = all.indices.filter { classes.contains(all[$0].part) }
        let step = min(threadCount, Self.chunkCountMax)
        for start in stride(from: 0, to: wanted.count, by: step) {
            onShare(Double(start) / Double(wanted.count))
            let round = wanted[start..<min(start + step, wanted.count)]
            let tables = try await pool.parallelRanges(round.count) { range in
                try range.map { try chunks.table(ofChunk: round[start + $0]) }
            }.flatMap(\.self)
            try await pool.parallelRanges(threadCount) { range, flag in
                for part in range {
                    for table in tables {
                        try flag.check()
                        gradients.add(table, toPart: part)
                    }
                }
            }
        }
        return gradients.norms()
    }
}
