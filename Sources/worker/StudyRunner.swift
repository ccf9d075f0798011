import FeatureStore
import HeadTraining
import StudyWork
import WorkerRuntime

/// A study's units as tasks.
struct StudyRunner: TaskRunner {
    private let runner: TrialRunner

    init(_ materials: Materials, variant: KernelVariant) throws {
        runner = try StudyMaterials.runner(materials, variant: variant)
    }

    func run(_ description: [UInt8], isCancelled: () -> Bool) throws -> [UInt8] {
        let unit = try StudyMaterials.unit(description)
        let outcome = try withoutActuallyEscaping(isCancelled) {
            try runner.run(unit, isCancelled: $0)
        }
        return try UnitRecord(unit: unit, outcome: outcome).encoded()
    }
}
