import FeatureStore
import HeadTraining
import Heads
import Numerics
import Probe
import ProbeWork
import TestSupport
import Testing

/// What workers are told of a probe, and what they answer.
@Suite struct ProbeWorkTests {
    private let training: FeatureTable
    private let validation: FeatureTable
    private static let featureCount = 5

    init() {
        training = Self.table(rowsPerClass: 12, seed: 1)
        validation = Self.table(rowsPerClass: 3, seed: 2)
    }

    private static func table(rowsPerClass: Int, seed: UInt64) -> FeatureTable {
        var generator = SeededGenerator(seed: seed)
        var values: [Float] = []
        for label in 0..<3 {
            for _ in 0..<rowsPerClass {
                for feature in 0..<featureCount {
                    let noise = Float.random(in: -1...1, using: &generator)
                    values.append(noise + (feature == label ? 1 : 0))
                }
            }
        }
        return FeatureTable(
            features: FloatBuffer(values), featureCount: featureCount,
            classRowCounts: [Int](repeating: rowsPerClass, count: 3))
    }

    private func plan(_ foldCount: Int = 0) -> ProbePlan {
        ProbePlan(
            cValues: [0.1, 1], classCount: 3, families: ProbeFamily.allCases,
            foldCount: foldCount)
    }

    private func runner(_ plan: ProbePlan, folds: [UInt8] = []) throws -> ProbeRunner {
        let settings = ProbeSettings(
            plan: plan, training: training, validation: folds.isEmpty ? validation : nil,
            isBalanced: false, gapTolerance: 1e-6)
        return try ProbeMaterials.runner(
            try ProbeMaterials.materials(
                settings, training: training, validation: folds.isEmpty ? validation : nil,
                folds: folds), variant: try KernelVariant.select(nil))
    }

    private func keys(_ plan: ProbePlan) -> (ProbeUnit) -> [HeadKey]? {
        { plan.number(of: $0) == nil ? nil : plan.groups(of: $0.family)[$0.group] }
    }

    private func record(
        _ unit: ProbeUnit, _ plan: ProbePlan, _ runner: ProbeRunner, from: [ProbeHeads] = [],
        c: Double = 1
    ) throws -> ProbeRecord {
        let count = plan.groups(of: unit.family)[unit.group].count
        let task = ProbeTask(
            unit: unit, cValues: [Double](repeating: c, count: count), origins: from)
        let bytes = try runner.run(task.encoded(), isCancelled: { false })
        #expect(try bytes == runner.run(task.encoded(), isCancelled: { false }))
        return try ProbeRecord(
            decoding: bytes, featureCount: Self.featureCount, keys: keys(plan))
    }

    @Test(arguments: ProbeFamily.allCases) func headsAreCertified(family: ProbeFamily) throws {
        let plan = plan()
        let runner = try runner(plan)
        let unit = ProbeUnit(family: family, group: 0, rows: .training, step: 1)
        let first = try record(unit, plan, runner)
        #expect(first.unit == unit)
        #expect(first.result.heads.map(\.key) == Array(plan.groups(of: family)[0]))
        #expect(first.certificates.allSatisfy { $0.isCertified })
        #expect(first.certificates.allSatisfy { $0.relativeGap <= 1e-6 && $0.relativeGap >= 0 })
        // From there on, the optimum of a neighbour is near.
        let next = try record(unit, plan, runner, from: [first.result], c: 1.5)
        #expect(next.certificates.allSatisfy { $0.isCertified })
        #expect(next.result != first.result)
    }

    @Test func headsOfTheModelAreTrainedOnAllRows() throws {
        let plan = plan()
        let runner = try runner(plan)
        let all = try record(
            ProbeUnit(family: .oneVsAll, group: 0, rows: .all, step: -1), plan, runner)
        var values: [Float] = []
        for label in 0..<3 {
            for (table, count) in [(training, 12), (validation, 3)] {
                let first = label * count * Self.featureCount
                values += unsafe table.features.withUnsafeBufferPointer {
                    unsafe Array($0[first..<first + count * Self.featureCount])
                }
            }
        }
        let merged = FeatureTable(
            features: FloatBuffer(values), featureCount: Self.featureCount,
            classRowCounts: [15, 15, 15])
        let expected = try PathTrainer(table: merged).train(
            HeadKey(.all(3)), c: 1, from: [])
        #expect(all.result.heads[0].hasEqualBits(expected.head))
    }

    @Test func aFoldIsLeftOut() throws {
        let plan = plan(2)
        // The second half of each class is fold 1, its last row is in none.
        let folds = (0..<36).map { row in
            row % 12 == 11 ? ProbeMaterials.neverHeldOut : UInt8(row % 12 / 6)
        }
        let runner = try runner(plan, folds: folds)
        var heads: [Head] = []
        for fold in 0..<2 {
            let unit = ProbeUnit(family: .oneVsAll, group: 0, rows: .fold(fold), step: 0)
            heads.append(try record(unit, plan, runner).result.heads[0])
        }
        #expect(!heads[0].hasEqualBits(heads[1]))
    }

    @Test func damagedBytesAreRefused() throws {
        let plan = plan()
        let runner = try runner(plan)
        let unit = ProbeUnit(family: .allVsAll, group: 0, rows: .training, step: 0)
        let whole = try record(unit, plan, runner).encoded()
        for count in stride(from: 0, to: whole.count, by: 7) {
            #expect(throws: ProbeError.self) {
                try ProbeRecord(
                    decoding: Array(whole[..<count]), featureCount: Self.featureCount,
                    keys: keys(plan))
            }
        }
        #expect(throws: ProbeError.self) {
            try ProbeRecord(
                decoding: whole + [0], featureCount: Self.featureCount, keys: keys(plan))
        }
        let foreign = ProbeTask(
            unit: ProbeUnit(family: .allVsAll, group: 9, rows: .training, step: 0),
            cValues: [1], origins: [])
        #expect(throws: ProbeError.self) {
            try runner.run(foreign.encoded(), isCancelled: { false })
        }
    }

    @Test func materialsThatDoNotFitAreRefused() throws {
        let settings = ProbeSettings(
            plan: plan(), training: training, validation: validation, isBalanced: false,
            gapTolerance: 1e-6)
        let whole = try ProbeMaterials.materials(
            settings, training: training, validation: validation, folds: [])
        #expect(ProbeMaterials.areHere(whole))
        let variant = try KernelVariant.select(nil)
        for index in whole.items.indices {
            var items = whole.items
            let item = items[index]
            items[index] = .init(name: item.name, bytes: Array(item.bytes.dropLast()) + [0, 0])
            #expect(throws: ProbeError.self) {
                try ProbeMaterials.runner(Materials(items), variant: variant)
            }
            items.remove(at: index)
            #expect(throws: ProbeError.self) {
                try ProbeMaterials.runner(Materials(items), variant: variant)
            }
        }
    }
}
