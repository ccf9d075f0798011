import FeatureStore
import HeadTraining
import ProbeWork
import WorkerRuntime

/// Pieces of a probe as tasks.
struct ProbeTasks: TaskRunner {
    private let runner: ProbeRunner

    init(_ materials: Materials, variant: KernelVariant) throws {
        runner = try ProbeMaterials.runner(materials, variant: variant)
    }

    func run(_ description: [UInt8], isCancelled: () -> Bool) throws -> [UInt8] {
        try runner.run(description, isCancelled: isCancelled)
    }
}
