import FeatureStore
import WireProtocol

extension WorkerSession {
    /// What the worker is to work on.
    enum Job: Equatable {
        case heads(FeatureDescription)
        case tasks(MaterialDescription)

        var broadcastComplete: Bool {
            get {
                switch self {
                case .heads(let description): description.broadcastComplete
                case .tasks(let description): description.broadcastComplete
                }
            }
            set {
                switch self {
                case .heads(var description):
                    description.broadcastComplete = newValue
                    self = .heads(description)
                case .tasks(var description):
                    description.broadcastComplete = newValue
                    self = .tasks(description)
                }
            }
        }

        /// What the chunks make up.
        var noun: String {
            switch self {
            case .heads: "features"
            case .tasks: "materials"
            }
        }

        /// Whether what was assembled for `other` serves here: all but the broadcast's progress agrees.
        func isSame(as other: WorkerSession.Job) -> Bool {
            var copy = other
            copy.broadcastComplete = broadcastComplete
            return self == copy
        }

        /// What the chunks are put together in.
        func assembly(
            byteCountMax: Int
        ) throws(FeatureStoreError) -> any ChunkAssembly {
            switch self {
            case .heads(let description):
                try FeatureAssembly(
                    FeatureManifest(
                        featureCount: description.featureCount,
                        classRowCounts: description.classRowCounts,
                        chunks: description.chunks.map {
                            ChunkEntry(
                                classIndex: $0.classIndex, firstRow: $0.firstRow,
                                rowCount: $0.rowCount, byteCount: $0.byteCount, hash: $0.hash)
                        }), byteCountMax: byteCountMax)
            case .tasks(let description):
                try MaterialAssembly(
                    MaterialManifest(
                        items: description.items.map {
                            MaterialManifest.Item(
                                name: $0.name, byteCount: $0.byteCount, chunkHashes: $0.chunkHashes)
                        }, chunkByteCount: description.chunkByteCount), byteCountMax: byteCountMax)
            }
        }
    }
}
