import Heads
import Testing

@Suite struct HeadPlanTests {
    @Test(arguments: [(2, 1, 1), (3, 3, 4), (5, 10, 26), (10, 45, 1013)])
    func countsHeads(classCount: Int, pairCount: Int, subsetCount: Int) {
        #expect(HeadPlan(.pairs, classCount: classCount).heads.count == pairCount)
        #expect(HeadPlan(.subsets, classCount: classCount).heads.count == subsetCount)
    }

    @Test func ordersBySizeThenLexicographically() {
        let plan = HeadPlan(.subsets, classCount: 6)
        for (left, right) in zip(plan.heads, plan.heads.dropFirst()) {
            #expect(left.classes < right.classes)
            #expect(left.id < right.id)
        }
        for head in plan.heads {
            #expect(plan.id(of: head.classes) == head.id)
            #expect(plan[head.id] == head)
        }
        #expect(plan.id(of: ClassSet([1, 9])) == nil)
    }

    @Test func pairsOfThousandsOfClasses() {
        let plan = HeadPlan(.pairs, classCount: 1000)
        #expect(plan.heads.count == 499_500)
        #expect(plan.id(of: ClassSet([998, 999])) == HeadID(499_499))
    }
}

@Suite struct ClassSetTests {
    @Test func behavesAsASet() {
        let set = ClassSet([130, 3, 3, 64])
        #expect(set.members == [3, 64, 130])
        #expect(set.count == 3)
        #expect(set.contains(64))
        #expect(!set.contains(65))
        #expect(!set.contains(-1))
        #expect(!set.contains(1000))
        #expect(set.removing(130) == ClassSet([3, 64]))
        #expect(set.removing(5) == set)
    }

    @Test func fingerprintsDifferOverAllSubsetsOfSixteenClasses() {
        let plan = HeadPlan(.subsets, classCount: 16)
        #expect(Set(plan.heads.map(\.classes.fingerprint)).count == plan.heads.count)
    }

    @Test func fingerprintsAreOfKeys() {
        // The number in Definition.md.
        #expect(ClassSet([0, 1]).fingerprint == 0x08CD_4C29_D1E4_7D34)
        #expect(ClassSet.fingerprint(ofKeys: [1, 0]) == 0x08CD_4C29_D1E4_7D34)
        let lists: [[UInt64]] = [
            [1, 2], [1, 2, 0x9_0000_0000], [0x2_0000_0001, 0x9_0000_0000],
            [1, 2, 0, 9], [0xFFFF_FFFF, 0x1_0000_0000], [0, 0xFFFF_FFFF, 1],
            [1, 0x1_0000_0002], [1, 0x2_0000_0002],
        ]
        #expect(Set(lists.map { ClassSet.fingerprint(ofKeys: $0) }).count == lists.count)
    }
}
