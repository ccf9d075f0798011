import Heads
import Numerics
import Scheduling
import Sessions
import Testing
import WireProtocol

/// Heads that are trained twice, and workers that compute wrongly.
@Suite struct VerificationTests {
    /// Lets workers train whatever they are given until nobody has anything left to do.
    ///
    /// - Parameter error: what a worker's numbers are off by.
    private func work(
        _ office: inout Office, _ first: [CoordinatorSession.Action], workers: [UInt8],
        error: (UInt8, BundleAssignment) -> Float = { _, _ in 0 }
    ) -> [CoordinatorSession.Action] {
        var all = first
        var news = first
        var done: Set<String> = []
        for _ in 0..<400 where !office.session.isFinished {
            var next: [CoordinatorSession.Action] = []
            for worker in workers {
                for assignment in news.assigned(to: worker)
                where done.insert("\(assignment.bundle) \(assignment.attempt)").inserted {
                    office.now = office.now.advanced(bySeconds: 0.01)
                    let result = office.sample.result(
                        assignment, error: error(worker, assignment), busySeconds: 0.01)
                    next += office.receive(.bundleTrained(result), from: worker)
                }
            }
            next += referee(&office, next)
            if next.isEmpty { next = office.pass(1, heard: workers) }
            next += referee(&office, next)
            all += next
            news = next
        }
        return all
    }

    /// Trains what the coordinator is to train itself, rightly.
    private func referee(
        _ office: inout Office, _ actions: [CoordinatorSession.Action]
    ) -> [CoordinatorSession.Action] {
        actions.flatMap { action -> [CoordinatorSession.Action] in
            guard case .referee(let specs) = action else { return [] }
            let sample = office.sample
            return office.feed(.refereed(specs.map { sample.head($0) }))
        }
    }

    private func office(
        checked: (HeadPlan) -> [WorkID] = { $0.heads.indices.map { WorkID(UInt32($0)) } }
    ) -> (Office, [CoordinatorSession.Action]) {
        var office = Office(SampleJob(classCount: 4))
        for peer in [1, 2] as [UInt8] { office.hello(peer) }
        var job = office.sample.job(minWorkerCount: 2, bundleHeadCountMax: 2)
        job.checkedHeads = Set(checked(job.plan))
        office.feed(.serve(job))
        var all = office.wait(0.5)
        for peer in [1, 2] as [UInt8] { all += office.receive(.ready, from: peer) }
        return (office, all)
    }

    @Test func everyHeadIsTrainedByTwo() {
        var (office, first) = office()
        let all = work(&office, first, workers: [1, 2])
        #expect(office.session.isFinished)
        let collected = office.session.collected
        #expect(collected.checkedCount == collected.heads.count)
        #expect(collected.duplicatedCount >= collected.heads.count)
        #expect(collected.mismatchCount == 0)
        #expect(all.contains { if case .referee = $0 { true } else { false } } == false)
        for head in collected.heads.indices {
            let trainers = [1, 2].filter { worker in
                all.assigned(to: worker).contains {
                    $0.heads.contains(office.sample.plan.heads[head])
                }
            }
            #expect(trainers.count == 2, "head \(head)")
        }
    }

    @Test func aFlippedBitCostsItsWorkerEverything() throws {
        var (office, first) = office()
        let plan = office.sample.plan
        // The second worker is right but for one head.
        let all = work(&office, first, workers: [1, 2]) { worker, assignment in
            worker == 2 && assignment.heads.contains(plan.heads[5]) ? 0x1p-20 : 0
        }
        #expect(office.session.isFinished)
        let collected = office.session.collected
        #expect(collected.heads == plan.heads.map { office.sample.head($0) })
        #expect(collected.contradiction == nil)
        #expect(collected.mismatchCount >= 1)
        let fault = try #require(collected.workers[1].fault)
        #expect(fault.reason.contains("differs"))
        #expect(collected.workers[0].fault == nil)
        #expect(collected.workers[1].headCount == 0)
        #expect(collected.workers[0].headCount == plan.heads.count)
        #expect(all.refusals(to: 2).first == .notAccepting)
        // What was taken back went from the disk before it came again.
        var disk: Set<WorkID> = []
        for batch in all.stored {
            for id in batch.withdrawn { #expect(disk.remove(id) != nil) }
            #expect(batch.blocks.flatMap(\.keys).count == batch.products.count)
            for trained in batch.products { #expect(disk.insert(trained.id).inserted) }
        }
        #expect(disk.count == plan.heads.count)
        #expect(all.lines.count { $0.contains("gets no more work") } == 1)
    }

    @Test func comesBackToNothing() {
        var (office, first) = office()
        _ = work(&office, first, workers: [1, 2]) { worker, _ in worker == 2 ? 1 : 0 }
        var (again, more) = self.office()
        // Found out while it was away: another connection of the same process is refused too.
        let held = more.assigned(to: 2)
        again.receive(.goodbye, from: 2)
        _ = work(&again, more, workers: [1]) { _, _ in 0 }
        #expect(again.session.isFinished)
        #expect(again.session.collected.workers[1].fault == nil)
        #expect(!held.isEmpty)
        let late = office.hello(9, incarnation: 2)
        #expect(late.sent(to: 9).contains { if case .finished = $0 { true } else { false } })
    }

    @Test func aloneItIsCheckedByTheCoordinator() {
        for error in [0, 1] as [Float] {
            var office = Office(SampleJob(classCount: 3))
            office.hello(1)
            var job = office.sample.job()
            job.checkedHeads = [WorkID(2)]
            office.feed(.serve(job))
            var first = office.wait(0.5)
            first += office.receive(.ready, from: 1)
            let all = work(&office, first, workers: [1]) { _, _ in error }
            let asked = all.compactMap { action -> [HeadKey]? in
                guard case .referee(let heads) = action else { return nil }
                return heads
            }
            #expect(asked == [[office.sample.plan.heads[2]]])
            #expect(office.session.isFinished == (error == 0))
            #expect((office.session.collected.workers[0].fault != nil) == (error != 0))
            #expect(office.session.collected.heads.contains { $0 != nil } == (error == 0))
        }
    }

    @Test func trustsNobodyWhenNoTwoAgree() throws {
        var (office, first) = office()
        let all = work(&office, first, workers: [1, 2]) { worker, _ in Float(worker) }
        #expect(office.session.isFinished)
        let contradiction = try #require(office.session.collected.contradiction)
        #expect(contradiction.contains("no two agree"))
        #expect(
            all.sent(to: 1).contains {
                if case .finished(.aborted) = $0 { true } else { false }
            })
    }

    @Test func resumedHeadsAreCheckedAndTheirWorkerKnown() throws {
        var office = Office(SampleJob(classCount: 3))
        var job = office.sample.job()
        // An earlier start took all from one worker, whose arithmetic is off.
        for (index, key) in job.plan.heads.enumerated() {
            job.resumedHeads[index] = office.sample.head(key, error: 1)
            job.resumedTrainers[index] = TrainerID(0)
        }
        job.checkedHeads = [WorkID(1)]
        office.hello(1)
        office.feed(.serve(job))
        var first = office.wait(0.5)
        first += office.receive(.ready, from: 1)
        let all = work(&office, first, workers: [1])
        #expect(office.session.isFinished)
        #expect(office.session.collected.heads == job.plan.heads.map { office.sample.head($0) })
        #expect(office.session.collected.resumedCount == 0)
        #expect(all.stored.flatMap(\.withdrawn).count == job.plan.heads.count)
        #expect(office.session.collected.workers[0].headCount == job.plan.heads.count)
    }

    @Test func nobodyChecksWhatItTrainedBeforeARestart() throws {
        var office = Office(SampleJob(classCount: 3))
        var job = office.sample.job()
        for (index, key) in job.plan.heads.enumerated() {
            job.resumedHeads[index] = office.sample.head(key, error: 1)
            job.resumedTrainers[index] = TrainerID(0)
        }
        job.formerTrainers[TrainerID(0)] = WorkerReport(
            incarnation: 0, name: "w1", host: "h", isa: "", threadCount: 0)
        job.checkedHeads = [WorkID(1)]
        // The process that trained them all, as wrong as before, and nobody else.
        office.hello(1)
        office.feed(.serve(job))
        var first = office.wait(0.5)
        first += office.receive(.ready, from: 1)
        #expect(first.assigned(to: 1) == [])
        let all = work(&office, first, workers: [1]) { _, _ in 1 }
        #expect(!office.session.isFinished)
        #expect(office.session.collected.heads.allSatisfy { $0 == nil })
        #expect(office.session.collected.workers[0].fault?.withdrawnCount == job.plan.heads.count)
        #expect(all.refusals(to: 1).first == .notAccepting)
        #expect(all.stored.compactMap(\.guilty).map(\.name) == ["w1"])
    }

    @Test func aFormerStartsVerdictStands() throws {
        var office = Office(SampleJob(classCount: 3))
        var job = office.sample.job()
        var guilty = WorkerReport(incarnation: 7, name: "x", host: "h", isa: "", threadCount: 0)
        guilty.fault = WorkerFault(reason: "it was wrong", withdrawnCount: 3)
        job.formerFaults = [guilty]
        office.hello(1)
        office.feed(.serve(job))
        #expect(office.hello(2, incarnation: 7).refusals(to: 2) == [.notAccepting])
        #expect(office.session.collected.workers.last?.fault?.withdrawnCount == 3)
    }

    @Test func twoVersionsOfOneProcessAreItsOwnFault() throws {
        var (office, first) = office()
        var count: Float = 0
        // Never the same twice.
        _ = work(&office, first, workers: [1, 2]) { worker, _ in
            if worker == 1 { return 0 }
            count += 1
            return count
        }
        #expect(office.session.isFinished)
        #expect(office.session.collected.contradiction == nil)
        #expect(office.session.collected.workers[1].fault != nil)
    }
}
