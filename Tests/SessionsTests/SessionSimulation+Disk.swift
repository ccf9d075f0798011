import Heads
import Scheduling
import Sessions
import TestSupport
import WireProtocol

// What is on disk, which takes its time, and what the coordinator may say because of it.
extension SessionSimulation {
    struct Disk {
        struct ResultKey: Hashable {
            let topic: [UInt8]
            let bundle: UInt64
            let attempt: UInt32
        }

        var products: [WorkID: Product] = [:]
        /// What was there when the coordinator at hand began.
        var resumed: Set<WorkID> = []
        var commitAt: Int64 = 0
        /// The heads of each result that is as it should be.
        var honestResults: [ResultKey: [WorkID]] = [:]
        var sentMarks: Set<Int> = []
    }

    /// The job as a coordinator finds it that has just started.
    mutating func resumedJob() -> any WorkSource {
        disk.resumed = Set(disk.products.keys)
        if !disk.resumed.isEmpty { count("resumed") }
        return plan.work.job(plan, known: disk.products)
    }

    /// Batches reach the disk in order, each when it will.
    mutating func store(_ batch: HeadBatch) {
        let seconds = Double.random(in: 0.0001...storeSecondsMost(), using: &generator)
        disk.commitAt = max(disk.commitAt, now + Int64(seconds * 1e9))
        timeline.insert(.commit(generation: generation, batch), at: disk.commitAt)
    }

    private func storeSecondsMost() -> Double { isCalm ? 0.005 : plan.storeSecondsMax }

    mutating func commit(_ batch: HeadBatch, _ generation: Int) {
        guard generation == self.generation else { return count("crash before the commit") }
        for trained in batch.products {
            if disk.products[trained.id] != nil { failure = "\(trained.id) was stored twice" }
            disk.products[trained.id] = trained.product
        }
        timeline.insert(
            .stored(generation: generation, number: batch.number), at: now + latency())
    }

    /// Nothing is acknowledged before it is on disk, nothing on disk trained again.
    mutating func checkStored(_ message: CoordinatorMessage, to peer: PeerID) {
        switch message {
        case .assign(let assignment):
            if plan.work.ids(of: assignment).contains(where: { disk.resumed.contains($0) }) {
                failure = "a head on disk is trained again"
            }
        case .acknowledge(let bundle, let attempt):
            // Strangers' forgeries are acknowledged too, so that they are done with.
            guard workers.contains(where: { $0.identity == peer }) else { return }
            let topic = WireProtocol.featureTopic(runID: Self.runID(of: generation))
            let key = Disk.ResultKey(topic: topic, bundle: bundle, attempt: attempt)
            let heads = disk.honestResults[key] ?? []
            // A result may be of no use: of a lease that its worker declined before the network brought
            // the assignment once more. What nobody has accepted will be trained again.
            let accepted = heads.filter { coordinator?.collected.products[Int($0.rawValue)] != nil }
            if accepted.contains(where: { disk.products[$0] == nil }) {
                failure = "\(bundle) was acknowledged before its heads were on disk"
            }
        case .finished(.complete):
            if disk.products.count < kept.count {
                failure = "complete with heads that are not on disk"
            }
        default: break
        }
    }

    static func runID(of generation: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(truncatingIfNeeded: generation), count: 16)
    }
}
