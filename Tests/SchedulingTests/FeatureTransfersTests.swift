import Numerics
import Scheduling
import Testing

@Suite struct FeatureTransfersTests {
    private var transfers = FeatureTransfers()

    private static func ids(_ range: Range<UInt64>) -> [WorkerID] { range.map { WorkerID($0) } }
    private func at(_ seconds: Double) -> Instant {
        Instant.start.advanced(bySeconds: seconds)
    }

    @Test func aFewAtATimeInTheOrderOfComing() {
        var transfers = transfers
        let most = UInt64(FeatureTransfers.countMax)
        var begun: [WorkerID] = []
        for id in Self.ids(0..<most + 3) { begun += transfers.handle(.wanted(id), at: at(0)) }
        #expect(begun == Self.ids(0..<most))
        #expect(transfers.handle(.ended(WorkerID(1)), at: at(1)) == [WorkerID(most)])
        // One that leaves while it waits, and one that nobody knows.
        #expect(transfers.handle(.ended(WorkerID(most + 1)), at: at(1)) == [])
        #expect(transfers.handle(.ended(WorkerID(99)), at: at(1)) == [])
        #expect(transfers.handle(.ended(WorkerID(0)), at: at(1)) == [WorkerID(most + 2)])
        #expect(transfers.handle(.ended(WorkerID(2)), at: at(1)) == [])
    }

    @Test func saidTwiceIsSaidOnce() {
        var transfers = transfers
        #expect(transfers.handle(.wanted(WorkerID(1)), at: at(0)) == [WorkerID(1)])
        #expect(transfers.handle(.wanted(WorkerID(1)), at: at(0)) == [])
        let most = UInt64(FeatureTransfers.countMax)
        for id in Self.ids(2..<most + 1) { _ = transfers.handle(.wanted(id), at: at(0)) }
        for _ in 0..<2 { #expect(transfers.handle(.wanted(WorkerID(50)), at: at(0)) == []) }
        #expect(transfers.handle(.ended(WorkerID(1)), at: at(0)) == [WorkerID(50)])
        #expect(transfers.handle(.ended(WorkerID(2)), at: at(0)) == [])
    }

    @Test func whoNeverEndsKeepsItsPlaceForALimitedTime() {
        var transfers = transfers
        let most = UInt64(FeatureTransfers.countMax)
        for id in Self.ids(0..<most + 1) { _ = transfers.handle(.wanted(id), at: at(0)) }
        #expect(transfers.handle(.tick, at: at(FeatureTransfers.placeSeconds - 1)) == [])
        #expect(transfers.handle(.tick, at: at(FeatureTransfers.placeSeconds)) == [WorkerID(most)])
    }
}
