import CoordinatorNetwork
import Sessions
import System
import Testing

/// What becomes of a head phase that brought nothing to trust.
@Suite struct CollectedHeadsTests {
    @Test func aContradictionEndsTheRun() {
        var collected = CoordinatorSession(
            runID: [], featurePort: 5_556, endpoint: "tcp://here:1"
        ).collected
        #expect(throws: Never.self) { try collected.check() }
        collected.contradiction = "no two agree"
        let error = #expect(throws: RunError.self) { try collected.check() }
        #expect(error?.code == .internal)
        #expect(error?.message == "no two agree")
    }

    // What scripts tell failures apart by.
    @Test func failuresHaveTheStatusesOfSysexits() {
        #expect(RunError.Code.usage.exitStatus == 64)
        #expect(RunError.Code.data.exitStatus == 65)
        #expect(RunError.Code.unavailable.exitStatus == 69)
        #expect(RunError.Code.internal.exitStatus == 70)
        #expect(RunError.Code.cannotWrite.exitStatus == 73)
        #expect(RunError.Code.incomplete.exitStatus == 75)
        #expect(RunError.Code.interrupted(signal: 15).exitStatus == 143)
    }
}
