import FeatureStore
import Numerics
import Scheduling
import Sessions
import TestSupport
import Transfer
import WorkerRuntime

/// Nobody is told how it goes.
struct Silence: SessionObserver {
    func log(_ level: LogLevel, _ text: String) {}
    func observe(_ progress: HeadsProgress) {}
}

/// A small job of tasks, and a pure function for what comes of each.
struct SampleTasks {
    let materials: Materials
    let chunks: MaterialChunks
    let items: [TaskJob.Item]

    init(taskCount: Int = 5, byteCounts: [Int] = [40, 0, 17], chunkByteCountMax: Int = 16) {
        var generator = SeededGenerator(seed: 0)
        materials = Materials(
            byteCounts.enumerated().map { index, count in
                Materials.Item(
                    name: "material \(index)",
                    bytes: (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
            })
        chunks = MaterialChunks(materials, chunkByteCountMax: chunkByteCountMax)
        items = (0..<taskCount).map { index in
            TaskJob.Item(
                "piece \(index)", flops: Double.random(in: 1e9...1e12, using: &generator),
                description: [UInt8](repeating: 7, count: index) + [UInt8(index)])
        }
    }

    func job(minWorkerCount: Int = 1) -> TaskJob {
        guard
            let job = try? TaskJob(
                tasks: items, on: chunks.manifest, minWorkerCount: minWorkerCount, digest: { $0 })
        else { preconditionFailure("the sample's descriptions are short") }
        return job
    }

    /// What must come of a task.
    func outcome(of id: WorkID) -> [UInt8] {
        Runner(materials: materials).outcome(of: items[Int(id.rawValue)].description)
    }

    /// The pure function, as a worker calls it.
    struct Runner: TaskRunner {
        let materials: Materials

        func run(_ description: [UInt8], isCancelled: () -> Bool) throws -> [UInt8] {
            outcome(of: description)
        }

        /// As many bytes as the description has, of a hash of it and all materials.
        func outcome(of description: [UInt8]) -> [UInt8] {
            var hash = FNV1a()
            for byte in materials.items.flatMap(\.bytes) + description { hash.add(byte) }
            return description.indices.map { index in
                hash.add(UInt64(index))
                return UInt8(hash.value >> 56)
            }
        }
    }
}
