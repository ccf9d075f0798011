import Heads
import Numerics

extension FeatureDescription {
    var wire: ProtoFeatures {
        var wire = ProtoFeatures()
        wire.featureCount = UInt32(clamping: featureCount)
        wire.classRowCounts = classRowCounts.map { UInt64(clamping: $0) }
        wire.hyperparameters = hyperparameters.wire
        wire.chunks = chunks.map(\.wire)
        wire.broadcastComplete = broadcastComplete
        return wire
    }

    init(
        _ wire: ProtoFeatures, _ payload: Payload, _ limits: WireLimits
    ) throws(WireError) {
        let featureCount = try Check.count(
            wire.featureCount, "a feature count", in: 1...limits.featureCountMax)
        try Check.length(wire.classRowCounts.count, "classes", max: limits.classCountMax)
        guard wire.classRowCounts.count >= 2 else { throw .badValue("fewer than two classes") }
        var classRowCounts: [Int] = []
        var rowCount = 0
        for count in wire.classRowCounts {
            classRowCounts.append(
                try Check.count(count, "a class's rows", in: 0...limits.rowCountMax))
            // At most 65,535 classes of at most 2^32 rows: no overflow.
            rowCount += classRowCounts[classRowCounts.count - 1]
        }
        try Check.length(rowCount, "rows", max: limits.rowCountMax)
        let (byteCount, overflow) = rowCount.multipliedReportingOverflow(by: featureCount * 4)
        guard !overflow else { throw .overLimit("\(rowCount) rows of \(featureCount) features") }
        try Check.length(byteCount, "bytes of features", max: limits.featureByteCountMax)
        try Check.length(wire.chunks.count, "chunks", max: limits.chunkCountMax)
        var chunks: [ChunkDescription] = []
        chunks.reserveCapacity(wire.chunks.count)
        for chunk in wire.chunks {
            chunks.append(
                try ChunkDescription(
                    chunk, featureCount: featureCount, classRowCounts: classRowCounts, limits))
        }
        let hyperparameters = try HeadHyperparameters(wire.hyperparameters)
        var derivedHead: Head?
        if hyperparameters.initialisation == .derived {
            derivedHead = try TensorFrame.decode(
                payload.one(), classSets: [.all(classRowCounts.count)], featureCount: featureCount
            ).first
        } else {
            try payload.none()
        }
        self.init(
            featureCount: featureCount, classRowCounts: classRowCounts,
            hyperparameters: hyperparameters, chunks: chunks,
            broadcastComplete: wire.broadcastComplete, derivedHead: derivedHead)
    }
}

extension ChunkDescription {
    fileprivate var wire: ProtoChunkDescription {
        var wire = ProtoChunkDescription()
        wire.classIndex = UInt32(clamping: classIndex)
        wire.firstRow = UInt64(clamping: firstRow)
        wire.rowCount = UInt32(clamping: rowCount)
        wire.byteCount = UInt32(clamping: byteCount)
        wire.hashBytes = hash
        return wire
    }

    fileprivate init(
        _ wire: ProtoChunkDescription, featureCount: Int, classRowCounts: [Int],
        _ limits: WireLimits
    ) throws(WireError) {
        let classIndex = try Check.count(
            wire.classIndex, "a chunk's class", in: 0...classRowCounts.count - 1)
        let classRowCount = classRowCounts[classIndex]
        let firstRow = try Check.count(wire.firstRow, "a chunk's first row", in: 0...classRowCount)
        let byteCount = try Check.count(
            wire.byteCount, "a chunk's bytes", in: 1...limits.chunkByteCountMax)
        let rowCount = Int(wire.rowCount)
        guard rowCount >= 1, rowCount <= classRowCount - firstRow else {
            throw .badValue("rows \(firstRow) to \(firstRow + rowCount) of \(classRowCount)")
        }
        guard byteCount <= rowCount * featureCount * 4, byteCount.isMultiple(of: 4) else {
            throw .badValue("\(byteCount) bytes for \(rowCount) rows of \(featureCount) features")
        }
        let hash = wire.hashBytes
        guard hash.count == ChunkDescription.hashByteCount else {
            throw .badValue("a hash of \(hash.count) bytes")
        }
        self.init(
            classIndex: classIndex, firstRow: firstRow, rowCount: rowCount, byteCount: byteCount,
            hash: hash)
    }
}

extension HeadHyperparameters {
    fileprivate var wire: ProtoHyperparameters {
        var wire = ProtoHyperparameters()
        wire.epochCount = UInt32(clamping: epochCount)
        wire.batchSize = UInt32(clamping: batchSize)
        wire.learningRate = learningRate
        wire.rho = rho
        wire.epsilon = epsilon
        wire.dropout = dropout
        switch initialisation {
        case .glorot: wire.initialisation = .glorot
        case .zero: wire.initialisation = .zero
        case .derived: wire.initialisation = .derived
        }
        wire.seed = seed
        wire.optimumL2 = optimumL2 ?? 0
        return wire
    }

    fileprivate init(_ wire: ProtoHyperparameters) throws(WireError) {
        let initialisation: HeadInitialisation
        switch wire.initialisation {
        case .glorot: initialisation = .glorot
        case .zero: initialisation = .zero
        case .derived: initialisation = .derived
        case .unspecified, .UNRECOGNIZED:
            throw .badValue("an initialisation not known here")
        }
        self.init(
            epochCount: try Check.count(wire.epochCount, "an epoch count", in: 1...1_000_000),
            batchSize: try Check.count(wire.batchSize, "a batch size", in: 1...1 << 30),
            learningRate: try Check.number(
                wire.learningRate, "a learning rate", in: 0..<Float.infinity),
            rho: try Check.number(wire.rho, "rho", in: 0..<1),
            epsilon: try Check.number(
                wire.epsilon, "epsilon", in: Float.leastNonzeroMagnitude..<Float.infinity),
            dropout: try Check.number(wire.dropout, "dropout", in: 0..<1),
            initialisation: initialisation, seed: wire.seed,
            optimumL2: try Self.optimumL2(wire.optimumL2))
    }

    private static func optimumL2(_ value: Double) throws(WireError) -> Double? {
        guard value.isFinite, value >= 0 else { throw .badValue("the strength of a penalty") }
        return value > 0 ? value : nil
    }
}
