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
            #expect(left < right)
        }
        for (position, head) in plan.heads.enumerated() {
            #expect(plan.position(of: head) == position)
        }
        #expect(plan.position(of: HeadKey(ClassSet([1, 9]))) == nil)
        // Given in any order, they are in this one.
        let shuffled = HeadPlan(heads: plan.heads.reversed(), classCount: 6)
        #expect(shuffled.heads == plan.heads)
    }

    @Test func pairsOfThousandsOfClasses() {
        let plan = HeadPlan(.pairs, classCount: 1000)
        #expect(plan.heads.count == 499_500)
        #expect(plan.position(of: HeadKey(ClassSet([998, 999]))) == 499_499)
    }
}

@Suite struct HeadKeyTests {
    private func key(_ groups: [[Int]]) -> HeadKey? {
        HeadKey(groups: groups.map { ClassSet($0) })
    }

    @Test func groupsOfOneAreClasses() throws {
        let found = try #require(key([[5], [0], [130]]))
        #expect(found == HeadKey(ClassSet([0, 5, 130])))
        #expect(found.tellsSingleClasses)
        #expect(found.outputCount == 3)
        #expect(found.groups == [ClassSet([0]), ClassSet([5]), ClassSet([130])])
        #expect(found.text == "0,5,130")
        #expect(found.description == "{0,5,130}")
    }

    @Test(arguments: [2, 3, 64, 65, 200]) func aClassAgainstTheRestHasItsOwnOutput(count: Int)
        throws
    {
        let classes = ClassSet.all(count)
        for own in Set([0, 1, count / 2, count - 1]) {
            let key = HeadKey.rest(own, of: classes)
            #expect(key.outputCount == 2)
            #expect(key.classes == classes)
            #expect(HeadKey(key.text) == key)
            #expect(key.groups[own == 0 ? 0 : 1] == ClassSet([own]))
            #expect(key.tellsSingleClasses == (count == 2))
            #expect(key.own?.classIndex == (count == 2 ? nil : own))
            #expect(key.own?.output == (count == 2 ? nil : own == 0 ? 0 : 1))
        }
        #expect(HeadKey(ClassSet([0, 1])).own == nil)
        #expect(try #require(key([[0], [1, 2], [3, 4]])).own == nil)
        #expect(try #require(key([[0, 1], [2, 3]])).own == nil)
    }

    @Test func groupsStandByTheirLowestClass() throws {
        let one = try #require(key([[7, 9], [3, 200], [5]]))
        #expect(one == key([[5], [200, 3], [9, 7]]))
        #expect(!one.tellsSingleClasses)
        #expect(one.outputCount == 3)
        #expect(one.classes == ClassSet([3, 5, 7, 9, 200]))
        #expect(one.groups == [ClassSet([3, 200]), ClassSet([5]), ClassSet([7, 9])])
        #expect(one.text == "3+200,5,7+9")
        #expect(HeadKey(ClassSet([0, 1, 2])) < one)
        #expect(one != key([[3, 200], [5, 7], [9]]))
    }

    @Test func whatTellsNothingApartIsNone() {
        for groups in [[], [[0]], [[0, 1]], [[0], []], [[0, 1], [1]], [[200, 1], [200]]]
            as [[[Int]]]
        {
            #expect(key(groups) == nil)
        }
    }

    @Test(arguments: ["0,1", "0,5,130", "0+1,2", "3+200,5,7+9", "0,1048575"])
    func textsAreReadAgain(text: String) throws {
        let found = try #require(HeadKey(text))
        #expect(found.text == text)
    }

    /// A set of its own for each class took gigabytes, and minutes.
    @Test(.timeLimit(.minutes(4))) func headsOfVeryManyClassesHaveShortTexts() throws {
        let key = HeadKey(.all(300_000))
        #expect(key.text == (0..<300_000).map(String.init).joined(separator: ","))
        #expect(HeadKey(key.text) == key)
        #expect(key.description == "{0,1,2,3,4,5,6,7, … 300000 in all}")
        let groups = (0..<40).map { ClassSet([2 * $0, 2 * $0 + 1]) }
        #expect(
            HeadKey(groups: groups)?.description
                == "{0+1,2+3,4+5,6+7,8+9,10+11,12+13,14+15, … 40 in all}")
        #expect(
            HeadKey.rest(1, of: .all(40)).description == "{0+2+3+4+5+6+7+8+…,1}")
    }

    @Test(arguments: [
        "", ",", "0", "0,", "0,0", "1,0", "00,1", "+0,1", "0+1", "0+1,1", "1+0,2", "2+3,0+1",
        "-1,0",
        "0,1048576", "0,x", "0, 1", "0,1\n", "0++1,2", "99999999999999999999,1",
    ])
    func otherTextsAreNone(text: String) {
        #expect(HeadKey(text) == nil)
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
        let fingerprints = plan.heads.map {
            ClassSet.fingerprint(ofKeys: $0.classes.members.map { UInt64($0) })
        }
        #expect(Set(fingerprints).count == plan.heads.count)
    }

    @Test func fingerprintsAreOfKeys() {
        // The number in Definition.md.
        #expect(ClassSet.fingerprint(ofKeys: [0, 1]) == 0x08CD_4C29_D1E4_7D34)
        #expect(ClassSet.fingerprint(ofKeys: [1, 0]) == 0x08CD_4C29_D1E4_7D34)
        let lists: [[UInt64]] = [
            [1, 2], [1, 2, 0x9_0000_0000], [0x2_0000_0001, 0x9_0000_0000],
            [1, 2, 0, 9], [0xFFFF_FFFF, 0x1_0000_0000], [0, 0xFFFF_FFFF, 1],
            [1, 0x1_0000_0002], [1, 0x2_0000_0002],
        ]
        #expect(Set(lists.map { ClassSet.fingerprint(ofKeys: $0) }).count == lists.count)
    }

    // What a tree needs is found as rows reach it: such a plan lists only that.
    @Test func aPlanThatIsNotListedInFullHasAnyNumberOfClasses() throws {
        let keys = [Array(0..<40), [0, 39], Array(3..<30), [5, 7, 21]].map { HeadKey(ClassSet($0)) }
        let plan = HeadPlan(heads: keys, classCount: 40)
        #expect(plan.heads == [keys[1], keys[3], keys[2], keys[0]])
        #expect(keys.map { plan.position(of: $0) } == [3, 0, 2, 1])
        #expect(plan.position(of: HeadKey(ClassSet([0, 38]))) == nil)
    }
}
