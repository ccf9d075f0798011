import FeatureStore
import Heads
import Numerics
import Scheduling
import Sessions
import TestSupport
import Transfer
import WireProtocol

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
                tasks: items, on: chunks.manifest, known: known, minWorkerCount: minWorkerCount,
                digest: Self.digest)
        else { preconditionFailure("the sample's descriptions are short") }
        return job
    }

    func bytes(ofChunk index: Int) -> [UInt8] {
        unsafe chunks.withUnsafeBytes(ofChunk: index) { unsafe [UInt8]($0) }
    }

    /// A stand-in for the digest that outcomes are compared by.
    @Sendable static func digest(_ outcome: [UInt8]) -> [UInt8] {
        var hash = FNV1a()
        for byte in outcome { hash.add(byte) }
        return (0..<8).map { UInt8(truncatingIfNeeded: hash.value >> UInt64(8 * $0)) }
    }

    /// The task of a description: no two are described alike.
    func id(of description: [UInt8]) -> WorkID {
        guard let index = items.firstIndex(where: { $0.description == description }) else {
            preconditionFailure("a task of another job")
        }
        return WorkID(UInt32(index))
    }

    /// What must come of a task.
    func outcome(of id: WorkID) -> [UInt8] {
        Runner(materials: materials).outcome(of: items[Int(id.rawValue)].description)
    }

    func result(_ assignment: BundleAssignment, busySeconds: Double = 0.5) -> BundleTrained {
        guard case .task(let description) = assignment.content else {
            preconditionFailure("a job of tasks has nothing else")
        }
        return BundleTrained(
            bundle: assignment.bundle, attempt: assignment.attempt, busySeconds: busySeconds,
            content: .task(Runner(materials: materials).outcome(of: description)))
    }

    /// The pure function, as a worker would call it.
    struct Runner {
        let materials: Materials

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
