import FeatureStore
import Heads
import Programs
import Sessions
import TestSupport
import WireProtocol
import WorkerRuntime

/// A small job of tasks, and a pure function for what comes of each.
struct SampleTasks {
    let materials: Materials
    let chunks: MaterialChunks
    let items: [TaskJob.Item]

    init(
        taskCount: Int = 5, byteCounts: [Int] = [40, 0, 17], chunkByteCountMax: Int = 16,
        seed: UInt64 = 0
    ) {
        var generator = SeededGenerator(seed: seed)
        materials = Materials(
            byteCounts.enumerated().map { index, count in
                Materials.Item(
                    name: "material \(index)",
                    bytes: (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
            })
        chunks = MaterialChunks(materials, chunkByteCountMax: chunkByteCountMax)
        items = (0..<taskCount).map { index in
            TaskJob.Item(
                "piece \(index)",
                flops: Double.random(in: 1e9...1e12, using: &generator),
                description: (0..<Int.random(in: 0...40, using: &generator)).map {
                    UInt8(truncatingIfNeeded: $0 &* 7 &+ index)
                } + [UInt8(truncatingIfNeeded: index), UInt8(truncatingIfNeeded: index >> 8)])
        }
    }

    func job(known: [[UInt8]?]? = nil, minWorkerCount: Int = 1) -> TaskJob {
        guard
            let job = try? TaskJob(
                tasks: items, on: chunks, known: known, minWorkerCount: minWorkerCount)
        else { preconditionFailure("the sample's descriptions are short") }
        return job
    }

    func bytes(ofChunk index: Int) -> [UInt8] {
        unsafe chunks.withUnsafeBytes(ofChunk: index) { unsafe [UInt8]($0) }
    }

    /// What must come of a task.
    func outcome(of id: TaskID) -> [UInt8] {
        Runner(materials: materials).outcome(of: items[Int(id.rawValue)].description)
    }

    func result(_ assignment: BundleAssignment, busySeconds: Double = 0.5) -> BundleTrained {
        guard case .task(let task) = assignment.content else {
            preconditionFailure("a job of tasks has nothing else")
        }
        return BundleTrained(
            bundle: assignment.bundle, attempt: assignment.attempt, busySeconds: busySeconds,
            content: .task(
                TaskOutcome(
                    id: task.id,
                    bytes: Runner(materials: materials).outcome(of: task.description))))
    }

    /// The pure function, as a worker would call it.
    struct Runner: TaskRunner {
        let materials: Materials

        func run(_ description: [UInt8], isCancelled: () -> Bool) throws -> [UInt8] {
            outcome(of: description)
        }

        /// As many bytes as the description has, of a sum over it and all materials.
        func outcome(of description: [UInt8]) -> [UInt8] {
            var state: UInt64 = 0xCBF2_9CE4_8422_2325
            for byte in materials.items.flatMap(\.bytes) + description {
                state = (state ^ UInt64(byte)) &* 0x100_0000_01B3
            }
            return description.indices.map { index in
                state = (state ^ UInt64(index)) &* 0x100_0000_01B3
                return UInt8(state >> 56)
            }
        }
    }
}
