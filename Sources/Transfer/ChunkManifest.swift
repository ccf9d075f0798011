import Numerics

/// One chunk: a stretch of one part of what is transferred.
///
/// Of features a part is a class and its units are rows, or, of rows with weights, the weights of a
/// class, see ``FeatureShape/partCounts``; of materials it is a material and its units are bytes.
package struct Chunk: Hashable, Sendable {
    /// The class, the number of classes and the class for its weights, or the material's position.
    package var part: Int
    /// The first unit, counted within its part.
    package var first: Int
    /// Units, one or more.
    package var count: Int
    /// Bytes as they are sent: all of the units, or fewer if rows come without their zeros.
    package var byteCount: Int
    /// Of the bytes as they are sent.
    package var hash: ContentHash

    /// A chunk of these fields, unchecked.
    package init(part: Int, first: Int, count: Int, byteCount: Int, hash: ContentHash) {
        self.part = part
        self.first = first
        self.count = count
        self.byteCount = byteCount
        self.hash = hash
    }
}

/// The rows of a run's features by class.
package struct FeatureShape: Hashable, Sendable {
    /// Features of a row.
    package var featureCount: Int
    /// Rows of each class.
    package var classRowCounts: [Int]
    /// The stable key of each class, which its random numbers are drawn by; no two are equal.
    package var classKeys: [UInt64]
    /// Whether each row has a weight of its own.
    package var isWeighted: Bool

    /// A shape of these fields, unchecked; without keys a class's index is its key.
    package init(
        featureCount: Int, classRowCounts: [Int], classKeys: [UInt64]? = nil,
        isWeighted: Bool = false
    ) {
        self.featureCount = featureCount
        self.isWeighted = isWeighted
        self.classRowCounts = classRowCounts
        self.classKeys = classKeys ?? classRowCounts.indices.map { UInt64($0) }
    }

    /// Rows of all classes; traps on overflow, so only of a shape that is valid.
    package var rowCount: Int { classRowCounts.reduce(0, +) }

    /// Units of each part: the rows of each class and, of rows with weights, the weights of each class.
    package var partCounts: [Int] { isWeighted ? classRowCounts + classRowCounts : classRowCounts }

    /// Floats of a unit: a row, or a weight.
    package func floatCount(ofPart part: Int) -> Int {
        part < classRowCounts.count ? featureCount : 1
    }

    /// Bytes of a row and its weight.
    var rowByteCount: Int { 4 * (featureCount + (isWeighted ? 1 : 0)) }
}

/// One of the materials that tasks work on: bytes under a name.
package struct MaterialShape: Hashable, Sendable {
    /// Different from all others.
    package var name: String
    /// How long it is; may be 0.
    package var byteCount: Int

    /// A material of these fields, unchecked.
    package init(name: String, byteCount: Int) {
        self.name = name
        self.byteCount = byteCount
    }
}

/// What is transferred, and the chunks that make it up: one type for wire, store and journal.
///
/// Fields may come from a peer, so making one checks nothing; ``validate(byteCountMax:)`` does.
/// A chunk is named by its position.
package struct ChunkManifest: Hashable, Sendable {
    /// What the chunks make up.
    package enum Content: Hashable, Sendable {
        /// A part is a class, its units are rows; behind those are the parts of the weights.
        case features(FeatureShape)
        /// A part is a material, its units are bytes.
        case materials([MaterialShape])
    }

    /// What the chunks make up.
    package var content: Content
    /// In any order.
    package var chunks: [Chunk]

    /// Bytes of the largest chunk.
    package static let chunkByteCountMax = 1 << 20
    /// What is smaller is not cut: a second and a half of a link of 20 KB/s, since LeNet's features are
    /// sent without their zeros.
    static let chunkByteCountMin = 64 << 10
    /// Chunks of the largest manifest.
    package static let chunkCountMax = 1 << 18

    /// A manifest of these fields, unchecked.
    package init(_ content: Content, chunks: [Chunk]) {
        self.content = content
        self.chunks = chunks
    }

    /// The features' shape; nil of materials.
    package var features: FeatureShape? {
        if case .features(let shape) = content { shape } else { nil }
    }

    /// Bytes of all chunks as they are sent.
    package var byteCount: Int { chunks.reduce(0) { $0 + $1.byteCount } }

    /// Share of the features that are sent: 1 where rows come with their zeros, and of materials.
    package var sentShare: Double {
        guard let shape = features else { return 1 }
        var sent = 0
        var all = 0
        for chunk in chunks where chunk.part < shape.classRowCounts.count {
            let floatCount = chunk.count * shape.featureCount
            let isWhole = chunk.byteCount == 4 * floatCount
            sent +=
                isWhole ? floatCount : (chunk.byteCount - ZeroCoding.maskByteCount(floatCount)) / 4
            all += floatCount
        }
        return all == 0 ? 1 : Double(sent) / Double(all)
    }

    /// Bytes that a chunk should have at most where so many are to be sent: few enough that a slow link
    /// shows progress, and many where chunks would be too many.
    package static func chunkByteCount(ofTotal byteCount: Int) -> Int {
        min(chunkByteCountMax, max(chunkByteCountMin, byteCount / 256))
    }

    /// Cuts parts into stretches as large as a chunk may be; the last one of a part may be smaller.
    ///
    /// - Parameters:
    ///   - partCounts: units of each part.
    ///   - unitByteCount: bytes of a unit; one that is larger than a chunk should be is one by itself.
    ///   - byteCountMax: bytes of a chunk; nil is as many as it should have.
    package static func cut(
        partCounts: [Int], unitByteCount: Int, byteCountMax: Int? = nil
    ) -> [(part: Int, first: Int, count: Int)] {
        let limit =
            byteCountMax ?? chunkByteCount(ofTotal: partCounts.reduce(0, +) * unitByteCount)
        let step = max(1, limit / unitByteCount)
        return partCounts.enumerated().flatMap { part, count in
            stride(from: 0, to: count, by: step).map { (part, $0, min(step, count - $0)) }
        }
    }
}

extension ChunkManifest {
    /// Checks that the chunks cover each unit of each part exactly once, and takes no memory that
    /// the manifest itself does not take.
    ///
    /// - Parameter byteCountMax: bytes that all parts may take together.
    /// - Returns: the bytes that all parts take.
    /// - Throws: `badManifest` or `tooLarge`.
    @discardableResult
    package func validate(byteCountMax: Int) throws(TransferError) -> Int {
        let parts = try partCounts(byteCountMax: byteCountMax)
        guard chunks.count <= Self.chunkCountMax else {
            throw .tooManyChunks(chunks.count, max: Self.chunkCountMax)
        }
        for (index, chunk) in chunks.enumerated() { try validate(chunk, index, parts.counts) }
        // Sorted by part and unit, each chunk must begin where the one before it ended.
        let order = chunks.indices.sorted {
            (chunks[$0].part, chunks[$0].first) < (chunks[$1].part, chunks[$1].first)
        }
        var covered = [Int](repeating: 0, count: parts.counts.count)
        for index in order {
            let chunk = chunks[index]
            guard chunk.first == covered[chunk.part] else {
                throw .badManifest(
                    "chunk \(index) begins at \(chunk.first) of part \(chunk.part), not "
                        + "\(covered[chunk.part])")
            }
            covered[chunk.part] += chunk.count
        }
        guard covered == parts.counts else { throw .badManifest("some units are in no chunk") }
        return parts.byteCount
    }

    /// Units of each part, once they are known to be few enough.
    private func partCounts(
        byteCountMax: Int
    ) throws(TransferError) -> (counts: [Int], byteCount: Int) {
        switch content {
        case .features(let shape):
            guard shape.featureCount > 0, shape.featureCount <= Self.chunkByteCountMax / 4 else {
                throw .badManifest("\(shape.featureCount.counted("feature")) a row")
            }
            guard shape.classKeys.count == shape.classRowCounts.count,
                Set(shape.classKeys).count == shape.classKeys.count
            else { throw .badManifest("not every class has a key of its own") }
            let byteCount = try Self.byteCount(
                of: shape.classRowCounts, unitByteCount: shape.rowByteCount,
                what: "rows of \(shape.featureCount.counted("feature"))", max: byteCountMax)
            return (shape.partCounts, byteCount)
        case .materials(let materials):
            var names: Set<String> = []
            for material in materials where !names.insert(material.name).inserted {
                throw .badManifest("two materials are called \(material.name)")
            }
            let counts = materials.map(\.byteCount)
            return (
                counts,
                try Self.byteCount(
                    of: counts, unitByteCount: 1, what: "bytes of materials", max: byteCountMax)
            )
        }
    }

    private static func byteCount(
        of counts: [Int], unitByteCount: Int, what: String, max: Int
    ) throws(TransferError) -> Int {
        var total = 0
        for (part, count) in counts.enumerated() {
            guard count >= 0 else {
                throw .badManifest("part \(part) has \(count.counted("unit"))")
            }
            let (sum, overflow) = total.addingReportingOverflow(count)
            guard !overflow, sum <= max / unitByteCount else {
                throw .tooLarge("\(sum) \(what)", max: max)
            }
            total = sum
        }
        return total * unitByteCount
    }

    private func validate(
        _ chunk: Chunk, _ index: Int, _ partCounts: [Int]
    ) throws(TransferError) {
        guard partCounts.indices.contains(chunk.part) else {
            throw .badManifest("chunk \(index) is of part \(chunk.part)")
        }
        let unitCount = partCounts[chunk.part]
        guard chunk.first >= 0, chunk.first <= unitCount, chunk.count > 0,
            chunk.count <= unitCount - chunk.first
        else {
            throw .badManifest(
                "chunk \(index) reaches beyond its part's \(unitCount.counted("unit"))")
        }
        // No overflow: the units are fewer than those counted above.
        let isOfItsSize: Bool
        if let shape = features {
            let floatCount = chunk.count * shape.floatCount(ofPart: chunk.part)
            // Weights are never zero: they have no code.
            let byteCountMin =
                chunk.part < shape.classRowCounts.count
                ? ZeroCoding.maskByteCount(floatCount) : floatCount * 4
            isOfItsSize =
                floatCount * 4 <= Self.chunkByteCountMax && chunk.byteCount <= floatCount * 4
                && chunk.byteCount >= byteCountMin && chunk.byteCount.isMultiple(of: 4)
        } else {
            isOfItsSize =
                chunk.byteCount == chunk.count && chunk.byteCount <= Self.chunkByteCountMax
        }
        guard isOfItsSize else {
            throw .badManifest(
                "chunk \(index) has \(chunk.byteCount.counted("byte")) for \(chunk.count.counted("unit"))"
            )
        }
    }
}
