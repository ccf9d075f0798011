import Heads
import Probe
import Testing

/// What a probe trains, and what waits for what.
@Suite struct ProbePlanTests {
    private func plan(
        _ families: [ProbeFamily], c: [Double] = [0.1, 1, 10], classCount: Int = 4,
        foldCount: Int = 0
    ) -> ProbePlan {
        ProbePlan(
            cValues: c, classCount: classCount, families: families, foldCount: foldCount)
    }

    @Test func theOrderOfTheListChangesNothing() {
        let ascending = plan([.oneVsRest])
        let other = plan([.oneVsRest], c: [10, 0.1, 1, 0.1])
        #expect(other.cValues == [0.1, 1, 10])
        #expect(other.units == ascending.units)
    }

    @Test func everyUnitHasOneNumber() {
        let plan = plan([.oneVsAll, .oneVsRest, .allVsAll], foldCount: 3)
        // Three folds of three penalties, and the heads that the model gets.
        #expect(plan.units.count == (1 + 1 + 1) * (3 * 3 + 1))
        for (number, unit) in plan.units.enumerated() {
            #expect(plan.number(of: unit) == number)
        }
    }

    @Test func aPathLeadsFromTheStrongestPenaltyToTheWeakest() {
        let plan = plan([.oneVsRest], classCount: 60)
        #expect(plan.stepLength(of: .oneVsRest) == 1)
        let first = ProbeUnit(family: .oneVsRest, group: 2, rows: .training, step: 0)
        #expect(plan.origins(of: first) == [])
        var path = [first]
        while let next = plan.successor(of: path[path.count - 1]) { path.append(next) }
        #expect(path.map(\.step) == [0, 1, 2])
        #expect(plan.origins(of: path[1]) == [path[0]])
        #expect(plan.origins(of: path[2]) == [path[0], path[1]])
        #expect(path.allSatisfy { $0.group == 2 })
    }

    @Test func oneHeadHasTwoPaths() {
        let plan = plan([.oneVsAll], c: [1, 2, 3, 4, 5])
        #expect(plan.stepLength(of: .oneVsAll) == 2)
        let origins = (0..<5).map { step in
            plan.origins(
                of: ProbeUnit(family: .oneVsAll, group: 0, rows: .training, step: step)
            ).map(\.step)
        }
        #expect(origins == [[], [], [0], [1], [0, 2]])
        // Whoever follows is whoever begins there.
        for unit in plan.units where unit.step >= 0 {
            guard let next = plan.successor(of: unit) else { continue }
            #expect(plan.origins(of: next).last == unit)
        }
    }

    @Test func theChosenHeadsBeginWithTheChoice() {
        let plan = plan([.oneVsAll])
        let chosen = plan.units.filter { $0.rows == .all }
        #expect(chosen.map(\.description) == ["one_vs_all 0 all chosen"])
        #expect(plan.successor(of: chosen[0]) == nil)
        #expect(plan.origins(of: chosen[0]) == [])
    }

    @Test func headsOfEachFamily() {
        func heads(_ family: ProbeFamily, _ classCount: Int) -> [String] {
            family.groups(classCount: classCount).flatMap { $0.map(\.text) }
        }
        #expect(heads(.oneVsAll, 3) == ["0,1,2"])
        #expect(heads(.oneVsRest, 3) == ["0,1+2", "0+2,1", "0+1,2"])
        #expect(heads(.allVsAll, 3) == ["0,1", "0,2", "1,2"])
        // Of two classes all are the pair.
        for family in ProbeFamily.allCases {
            #expect(heads(family, 2) == ["0,1"])
        }
    }

    @Test func pairsAreTrainedInGroups() {
        for (classCount, sizes) in [
            (10, [3, 9, 12, 3, 12, 6]),
            (20, [6, 16, 16, 16, 16, 6, 16, 16, 16, 6, 16, 16, 6, 16, 6]),
        ] {
            let groups = plan([.allVsAll], classCount: classCount).groups(of: .allVsAll)
            #expect(groups.map(\.count) == sizes)
            #expect(
                Set(groups.flatMap(\.self)) == Set(HeadPlan(.pairs, classCount: classCount).heads))
        }
        let groups = plan([.allVsAll], classCount: 150).groups(of: .allVsAll)
        #expect(groups.count == 91 && groups.allSatisfy { $0.count <= 144 })
        #expect(groups.reduce(0) { $0 + $1.count } == 11_175)
        #expect(Set(groups.flatMap(\.self)).count == 11_175)
    }

    @Test func classesAgainstTheRestAreTrainedInGroups() {
        let groups = plan([.oneVsRest], classCount: 150).groups(of: .oneVsRest)
        #expect(groups.map(\.count) == [15, 15, 15, 15, 15, 15, 15, 15, 15, 15])
        #expect(groups.flatMap(\.self) == (0..<150).map { .rest($0, of: .all(150)) })
    }
}
