import FeatureStore
import Heads
import Numerics
import Sessions
import Testing
import WireProtocol

/// What a coordinator could do to a worker, each found by thinking of one that means harm.
@Suite struct HostileTests {
    // A few kilobytes of assignment would have asked for gigabytes of weights.
    @Test func aBundleThatFitsNoMessageIsRefused() {
        var driver = Driver()
        driver.becomeReady()
        // Two features: 12 bytes a class.
        let heads = [HeadKey](repeating: HeadKey(.all(1_366)), count: 16_384)
        #expect(
            BundleTrained.byteCount(of: heads, featureCount: 2) > WireLimits().resultByteCountMax)
        let actions = driver.receive(
            .assign(BundleAssignment(bundle: 1, attempt: 1, content: .heads(heads))))
        #expect(actions.begun.isEmpty)
        guard case .bundleFailed(let failure)? = actions.sent.first else {
            Issue.record("not refused: \(actions)")
            return
        }
        #expect(!failure.isDeclined)
        #expect(failure.reason.contains("would not fit"))
        // The next one that does fit is trained.
        #expect(driver.receive(.assign(Sample.assignment(2))).begun.map(\.bundle) == [2])
    }

    // Its outputs were counted by groups, and it was trained with one for every class.
    @Test func headsOfGroupsAreRefused() throws {
        var driver = Driver()
        driver.becomeReady()
        let head = try #require(HeadKey(groups: [ClassSet([0, 1]), ClassSet([3])]))
        let actions = driver.receive(
            .assign(BundleAssignment(bundle: 1, attempt: 1, content: .heads([head]))))
        #expect(actions.begun.isEmpty)
        guard case .bundleFailed(let failure)? = actions.sent.first else {
            Issue.record("not refused: \(actions)")
            return
        }
        #expect(!failure.isDeclined)
        #expect(failure.reason.contains("tell groups apart"))
        #expect(driver.receive(.assign(Sample.assignment(2))).begun.map(\.bundle) == [2])
    }

    // Nothing was ever acknowledged, and a thousand results of 16 MiB were kept.
    @Test func resultsThatNobodyAcknowledgesAreBounded() {
        var driver = Driver()
        driver.becomeReady()
        let rowCount = 8
        let byteCount = 16 << 20
        let head = Head(
            classes: ClassSet(0..<rowCount),
            weights: Matrix(rowCount: rowCount, columnCount: byteCount / 4 / rowCount),
            biases: [Float](repeating: 0, count: rowCount))
        for bundle in 0..<40 as Range<UInt64> {
            let begun = driver.receive(.assign(Sample.assignment(bundle))).begun
            guard let ticket = begun.first?.ticket else {
                Issue.record("bundle \(bundle) did not begin")
                return
            }
            var result = Sample.result(bundle)
            result.heads = [head]
            driver.feed(.bundleTrained(ticket, result))
            #expect(driver.session.heldBundleCount <= WorkerSession.keptByteCountMax / byteCount)
        }
        #expect(driver.session.heldBundleCount >= 10)
        // The latest is among them: it is not declined.
        let asked = driver.receive(.revoke(bundle: 39, attempt: 1, mayFinish: true))
        #expect(asked.isEmpty)
        // Acknowledged ones make room.
        let before = driver.session.heldBundleCount
        driver.receive(.acknowledge(bundle: 39, attempt: 1))
        #expect(driver.session.heldBundleCount == before - 1)
    }

    // Every bad message was a line: a disk is full of them sooner than of anything else.
    @Test func badMessagesFillNoLog() {
        var driver = Driver()
        driver.becomeReady()
        func lines(_ count: Int) -> [String] {
            (0..<count).flatMap { _ in
                driver.receive(.refused(Refused(code: .malformed, message: "no")))
            }.compactMap { if case .log(let text) = $0 { text } else { nil } }
        }
        let first = lines(1_000)
        #expect(first.count <= 20)
        #expect(first.last == "more such lines are left out")
        _ = driver.wait(.seconds(2))
        let second = lines(3)
        #expect(second.count == 3)
        #expect(second[0].contains("no"))
    }
}
