import Transfer
import WireProtocol

extension WorkerSession {
    /// What the worker is to work on.
    enum Job: Equatable {
        case heads(FeatureDescription)
        case tasks(MaterialDescription)

        /// What has to be held before anything begins.
        var manifest: ChunkManifest {
            switch self {
            case .heads(let description): description.manifest
            case .tasks(let description): description.manifest
            }
        }

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
    }
}
