package import Heads
import Numerics
package import Scheduling
import WireProtocol

/// Heads on their way to the disk.
package struct HeadBatch: Equatable, Sendable {
    /// Counted from 1; batches are stored in this order.
    package let number: Int
    /// Heads that were accepted before and are not to be kept.
    package var withdrawn: [WorkID] = []
    /// A worker that was found to compute wrongly.
    package var guilty: WorkerReport?
    /// Each accepted for the first time, or since it was withdrawn.
    package let products: [NumberedProduct]
    /// The name of the worker that trained them.
    package let worker: String
    /// The machine of that worker.
    package let host: String
    /// How long the worker took for all of them.
    package var busySeconds = 0.0

    /// Those products that are heads, in blocks: a result that is all new is the blocks it came in.
    package var blocks: [HeadBlock] {
        HeadBlock.runs(
            of: products.compactMap { if case .head(let head) = $0.product { head } else { nil } })
    }

    /// Those products that are outcomes of tasks.
    package var outcomes: [AcceptedOutcome] {
        products.compactMap {
            if case .outcome(let bytes) = $0.product {
                AcceptedOutcome(
                    id: $0.id, bytes: bytes, worker: worker, host: host, busySeconds: busySeconds)
            } else {
                nil
            }
        }
    }
}

// Heads are kept on disk before anybody hears that they were accepted.
extension CoordinatorSession {
    /// What is on its way to the disk, and who waits to hear that it is there.
    struct Storage: Sendable {
        /// A result whose acknowledgement waits for a batch.
        struct Receipt: Sendable {
            let key: LeaseKey
            let incarnation: UInt64
            let number: Int
        }

        /// The last batch that was given out.
        var issuedNumber = 0
        /// The last batch that is on disk.
        var storedNumber = 0
        /// Ascending by number.
        var waiting: [Receipt] = []
        /// Results that were taken; bounded by the ring.
        var answered: [LeaseKey: Receipt] = [:]
        var answeredRing = Ring<LeaseKey>(capacity: answeredLeaseCountMax)
    }

    /// Gives out the next batch.
    mutating func store(
        _ products: [NumberedProduct] = [], from worker: WorkerReport? = nil,
        busySeconds: Double = 0, withdrawn: [WorkID] = [], guilty: WorkerReport? = nil
    ) -> Action {
        storage.issuedNumber += 1
        return .store(
            HeadBatch(
                number: storage.issuedNumber, withdrawn: withdrawn, guilty: guilty,
                products: products, worker: worker?.name ?? "", host: worker?.host ?? "",
                busySeconds: busySeconds))
    }

    /// Acknowledges a result when all that was accepted so far is on disk.
    ///
    /// So it is also for a result that brought nothing new: what it brought may have come from
    /// another worker a moment ago.
    mutating func acknowledgeOnceStored(_ key: LeaseKey, to peer: Peer) -> [Action] {
        let receipt = Storage.Receipt(
            key: key, incarnation: peer.incarnation, number: storage.issuedNumber)
        storage.answered[key] = receipt
        if let oldest = storage.answeredRing.insert(key) { storage.answered[oldest] = nil }
        if receipt.number > storage.storedNumber {
            storage.waiting.append(receipt)
            return []
        }
        return acknowledgement(receipt)
    }

    /// The answer to a result that was taken before; nil if it was not.
    func acknowledgeAgain(_ key: LeaseKey, to peer: Peer) -> [Action]? {
        guard let receipt = storage.answered[key], receipt.incarnation == peer.incarnation else {
            return nil
        }
        return receipt.number > storage.storedNumber ? [] : [Self.acknowledgement(key, to: peer)]
    }

    /// The answer to a result without a lease.
    ///
    /// Its heads may have come from another worker a moment ago, and be on their way to the disk. Then
    /// there is no answer yet, and the worker says it again.
    func acknowledgeUnlessStoring(_ key: LeaseKey, to peer: Peer) -> [Action] {
        storage.storedNumber < storage.issuedNumber ? [] : [Self.acknowledgement(key, to: peer)]
    }

    /// Over whatever connection that process has now; over none, it asks again when it has one.
    private func acknowledgement(_ receipt: Storage.Receipt) -> [Action] {
        peers.values.first { $0.incarnation == receipt.incarnation }
            .map { [Self.acknowledgement(receipt.key, to: $0)] } ?? []
    }

    static func acknowledgement(_ key: LeaseKey, to peer: Peer) -> Action {
        .send(.acknowledge(bundle: key.bundle.rawValue, attempt: key.attempt), to: peer.id)
    }

    mutating func stored(through number: Int, at now: Instant) -> [Action] {
        storage.storedNumber = max(storage.storedNumber, min(number, storage.issuedNumber))
        let count = storage.waiting.prefix { $0.number <= storage.storedNumber }.count
        let due = storage.waiting[..<count]
        storage.waiting.removeFirst(count)
        return due.flatMap { acknowledgement($0) } + giveUpHeldOnceStored(at: now)
            + finishOnceStored(at: now)
    }

    /// Gives held work up that nothing releases any more: what does was given up itself.
    ///
    /// Whoever stores outcomes releases work before it says that they are stored.
    mutating func giveUpHeldOnceStored(at now: Instant) -> [Action] {
        guard scheduler?.waitsForRelease == true, storage.storedNumber == storage.issuedNumber
        else { return [] }
        return schedule(.heldGivenUp, at: now)
    }

    /// Ends the run when nothing is left to do and nothing on its way to the disk.
    mutating func finishOnceStored(at now: Instant) -> [Action] {
        guard case .storing = phase, storage.storedNumber == storage.issuedNumber else { return [] }
        let undecidedCount = disputes.undecided.intersection(job?.checkedHeads ?? []).count
        collected.checkedCount = (scheduler?.checkedHeadCount ?? 0) - undecidedCount
        collected.uncheckedCount = (scheduler?.uncheckedHeadCount ?? 0) + undecidedCount
        collected.headSeconds = now.seconds(since: leasingAt ?? servedAt)
        return end(.complete, at: now) + [.finish]
    }
}
