import Heads
import Numerics
import Transfer

extension FeatureDescription {
    /// The envelope's body; the pages of the manifest follow it, then the derived head.
    var wire: ProtoFeatures {
        var wire = ProtoFeatures()
        guard let shape = manifest.features else {
            preconditionFailure("a description of features is of features")
        }
        wire.featureCount = UInt32(clamping: shape.featureCount)
        wire.classRowCounts = shape.classRowCounts.map { UInt64(clamping: $0) }
        if shape.classKeys != shape.classKeys.indices.map({ UInt64($0) }) {
            wire.classKeys = shape.classKeys
        }
        wire.rowsAreWeighted = shape.isWeighted
        wire.training = training.wire
        wire.chunkCount = UInt32(clamping: manifest.chunks.count)
        wire.broadcastComplete = broadcastComplete
        return wire
    }

    init(
        _ wire: ProtoFeatures, _ payload: Payload, _ limits: WireLimits
    ) throws(WireError) {
        let shape = try FeatureShape(wire, limits)
        let training = try Training(wire.training)
        if shape.isWeighted, case .epochs = training {
            throw .badValue("weights of rows, where heads are trained by epochs")
        }
        let isDerived = training.isDerived
        let manifest = ChunkManifest(
            .features(shape),
            chunks: try ManifestPages.decode(
                payload, chunkCount: wire.chunkCount, framesBehind: isDerived ? 1 : 0, limits))
        try Check.manifest(manifest, byteCountMax: limits.featureByteCountMax)
        let derivedHead =
            isDerived
            ? try TensorFrame.decode(
                [payload.last()], keys: [HeadKey(.all(shape.classRowCounts.count))],
                featureCount: shape.featureCount
            ).first?.heads.first : nil
        self.init(
            manifest: manifest, training: training,
            broadcastComplete: wire.broadcastComplete, derivedHead: derivedHead)
    }
}

extension FeatureShape {
    fileprivate init(_ wire: ProtoFeatures, _ limits: WireLimits) throws(WireError) {
        let featureCount = try Check.count(
            wire.featureCount, "a feature count", in: 1...limits.featureCountMax)
        let classCount = wire.classRowCounts.count
        try Check.length(classCount, "classes", max: limits.classCountMax)
        guard classCount >= 2 else { throw .badValue("fewer than two classes") }
        var classRowCounts: [Int] = []
        var rowCount = 0
        for count in wire.classRowCounts {
            classRowCounts.append(
                try Check.count(count, "a class's rows", in: 0...limits.rowCountMax))
            // At most 65,535 classes of at most 2^32 rows: no overflow.
            rowCount += classRowCounts[classRowCounts.count - 1]
        }
        try Check.length(rowCount, "rows", max: limits.rowCountMax)
        guard wire.classKeys.isEmpty || wire.classKeys.count == classCount else {
            throw .badValue(
                "\(wire.classKeys.count.counted("key")) of \(classCount.counted("class"))")
        }
        self.init(
            featureCount: featureCount, classRowCounts: classRowCounts,
            classKeys: wire.classKeys.isEmpty ? nil : wire.classKeys,
            isWeighted: wire.rowsAreWeighted)
    }
}

extension MaterialDescription {
    /// The envelope's body; the pages of the manifest follow it.
    var wire: ProtoMaterials {
        var wire = ProtoMaterials()
        guard case .materials(let materials) = manifest.content else {
            preconditionFailure("a description of materials is of materials")
        }
        wire.materials = materials.map { material in
            var field = ProtoMaterial()
            field.name = material.name
            field.byteCount = UInt64(clamping: material.byteCount)
            return field
        }
        wire.chunkCount = UInt32(clamping: manifest.chunks.count)
        wire.broadcastComplete = broadcastComplete
        return wire
    }

    init(
        _ wire: ProtoMaterials, _ payload: Payload, _ limits: WireLimits
    ) throws(WireError) {
        try Check.length(wire.materials.count, "materials", max: limits.materialCountMax)
        var materials: [MaterialShape] = []
        for material in wire.materials {
            materials.append(
                MaterialShape(
                    name: try Check.name(material.name, "a material's name", limits),
                    byteCount: try Check.count(
                        material.byteCount, "a material's bytes",
                        in: 0...limits.materialByteCountMax)
                ))
        }
        let manifest = ChunkManifest(
            .materials(materials),
            chunks: try ManifestPages.decode(
                payload, chunkCount: wire.chunkCount, framesBehind: 0, limits))
        try Check.manifest(manifest, byteCountMax: limits.materialByteCountMax)
        self.init(manifest: manifest, broadcastComplete: wire.broadcastComplete)
    }
}

extension Training {
    fileprivate var wire: ProtoTraining {
        var wire = ProtoTraining()
        switch self {
        case .epochs(let hyperparameters): wire.epochs = hyperparameters.wire
        case .optimum(let l2, _): wire.optimum.l2 = l2
        }
        wire.classesAreBalanced = isBalanced
        return wire
    }

    fileprivate init(_ wire: ProtoTraining) throws(WireError) {
        switch wire.method {
        case .epochs(let epochs):
            var hyperparameters = try HeadHyperparameters(epochs)
            hyperparameters.isBalanced = wire.classesAreBalanced
            self = .epochs(hyperparameters)
        case .optimum(let optimum):
            guard optimum.l2.isFinite, optimum.l2 > 0 else {
                throw .badValue("the strength of a penalty")
            }
            self = .optimum(l2: optimum.l2, isBalanced: wire.classesAreBalanced)
        case nil: throw .badValue("a way of training not known here")
        }
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
            initialisation: initialisation, seed: wire.seed)
    }
}
