package import FeatureStore
import Foundation
package import HeadTraining
import Heads
package import Numerics
package import Probe
import Synchronization

/// What every number of a probe depends on, besides its rows.
package struct ProbeSettings: Codable, Sendable, Equatable {
    /// The values of C, ascending.
    package let cValues: [Double]
    /// Whose heads are trained.
    package let families: [ProbeFamily]
    /// Folds; 0 where there are validation rows.
    package let foldCount: Int
    /// The stable key of each class.
    package let classKeys: [UInt64]
    /// Features of a row.
    package let featureCount: Int
    /// Training rows of each class.
    package let trainingRowCounts: [Int]
    /// Validation rows of each class, which the last heads train on as well.
    package let validationRowCounts: [Int]
    /// Whether rows weigh by their class.
    package let isBalanced: Bool
    /// Whether rows weigh by themselves.
    package let isWeighted: Bool
    /// The relative gap that certifies a head.
    package let gapTolerance: Double

    /// Settings of a plan on these rows.
    package init(
        plan: ProbePlan, training: FeatureTable, validation: FeatureTable?, isBalanced: Bool,
        gapTolerance: Double
    ) {
        cValues = plan.cValues
        families = plan.families
        foldCount = plan.foldCount
        classKeys = training.classKeys
        featureCount = training.featureCount
        trainingRowCounts = training.classRowCounts
        validationRowCounts = validation?.classRowCounts ?? training.classRowCounts.map { _ in 0 }
        self.isBalanced = isBalanced
        isWeighted = training.rowWeights != nil
        self.gapTolerance = gapTolerance
    }

    /// The plan that they are of.
    package var plan: ProbePlan {
        ProbePlan(
            cValues: cValues, classCount: classKeys.count, families: families,
            foldCount: foldCount)
    }
}

/// What workers need for a probe, as bytes under names.
package enum ProbeMaterials {
    /// The name of the settings, by which a worker knows a probe's materials from a study's.
    package static let settingsName = "probe.json"
    private static let names = (
        training: "training", validation: "validation", folds: "folds", weights: "weights"
    )

    /// The fold of a row that is in none.
    package static let neverHeldOut = UInt8.max

    /// The materials of a probe.
    ///
    /// - Parameter folds: by training row in the table's order, the fold that it is in, or
    ///   ``neverHeldOut``; none at all without folds.
    package static func materials(
        _ settings: ProbeSettings, training: FeatureTable, validation: FeatureTable?,
        folds: [UInt8]
    ) throws -> Materials {
        var items = [
            Materials.Item(
                name: settingsName, bytes: Array(try PackedText.encoder.encode(settings))),
            Materials.Item(name: names.training, bytes: bytes(training.features)),
            Materials.Item(
                name: names.validation, bytes: validation.map { bytes($0.features) } ?? []),
            Materials.Item(name: names.folds, bytes: folds),
        ]
        if settings.isWeighted {
            let own = training.rowWeights.map { bytes($0) } ?? []
            let others =
                validation.map {
                    $0.rowWeights.map { bytes($0) }
                        ?? bytes(FloatBuffer([Float](repeating: 1, count: $0.rowCount)))
                } ?? []
            items.append(Materials.Item(name: names.weights, bytes: own + others))
        }
        return Materials(items)
    }

    private static func bytes(_ floats: FloatBuffer) -> [UInt8] {
        unsafe floats.withUnsafeBufferPointer { unsafe Array(UnsafeRawBufferPointer($0)) }
    }

    /// Whether these are a probe's.
    package static func areHere(_ materials: Materials) -> Bool {
        materials.bytes(of: settingsName) != nil
    }

    /// A runner of a probe's tasks on materials received over the network, all of them untrusted.
    ///
    /// - Throws: ``ProbeError`` for materials that are not a probe's.
    package static func runner(
        _ materials: Materials, variant: KernelVariant
    ) throws -> ProbeRunner {
        func part(_ name: String) throws -> [UInt8] {
            guard let bytes = materials.bytes(of: name) else {
                throw ProbeError("the probe has no \(name)")
            }
            return bytes
        }
        let settings: ProbeSettings
        do {
            settings = try JSONDecoder().decode(
                ProbeSettings.self, from: Data(try part(settingsName)))
        } catch { throw ProbeError("the settings of the probe cannot be read") }
        try settings.check()
        let training = try rows(
            try part(names.training), settings.trainingRowCounts, settings, "training")
        let validation = try rows(
            try part(names.validation), settings.validationRowCounts, settings, "validation")
        let folds = try part(names.folds)
        let rowCount = settings.trainingRowCounts.reduce(0, +)
        guard folds.count == (settings.foldCount == 0 ? 0 : rowCount),
            folds.allSatisfy({ $0 < settings.foldCount || $0 == neverHeldOut })
        else { throw ProbeError("the folds of the probe do not fit") }
        var weights: [Float]?
        if settings.isWeighted {
            let count = rowCount + settings.validationRowCounts.reduce(0, +)
            guard let values = FloatBytes.floats(try part(names.weights)), values.count == count,
                values.allSatisfy({ $0 > 0 && $0.isFinite })
            else {
                throw ProbeError("the weights of the probe's rows do not fit")
            }
            weights = values
        }
        return ProbeRunner(
            settings, ProbeTables(settings, training + validation, folds, weights),
            variant: variant)
    }

    private static func rows(
        _ bytes: [UInt8], _ counts: [Int], _ settings: ProbeSettings, _ what: String
    ) throws -> [Float] {
        let count = counts.reduce(0, +) * settings.featureCount
        guard let floats = FloatBytes.floats(bytes), floats.count == count else {
            throw ProbeError("the \(what) rows of the probe do not fit")
        }
        return floats
    }
}

extension ProbeSettings {
    fileprivate func check() throws {
        let rowCountMax = 1 << 32
        guard (2...65_535).contains(classKeys.count), Set(classKeys).count == classKeys.count,
            (1...65_536).contains(featureCount), trainingRowCounts.count == classKeys.count,
            validationRowCounts.count == classKeys.count,
            (trainingRowCounts + validationRowCounts).allSatisfy({
                (0...rowCountMax).contains($0)
            }), (trainingRowCounts + validationRowCounts).reduce(0, +) <= rowCountMax,
            foldCount == 0 || (2...254).contains(foldCount), !cValues.isEmpty,
            cValues.allSatisfy({ $0 > 0 && $0.isFinite }), gapTolerance > 0, gapTolerance < 1
        else { throw ProbeError("the settings of the probe are out of range") }
    }
}

/// The rows of a probe, as tables for its places.
final class ProbeTables: Sendable {
    private let settings: ProbeSettings
    /// The training rows, and behind them the validation rows.
    private let rows: Matrix
    private let folds: [UInt8]
    private let weights: [Float]?

    init(
        _ settings: ProbeSettings, _ values: [Float], _ folds: [UInt8], _ weights: [Float]?
    ) {
        self.settings = settings
        rows = Matrix(
            rowCount: values.count / settings.featureCount, columnCount: settings.featureCount,
            values: values)
        self.folds = folds
        self.weights = weights
    }

    /// A row by where it is: of the training rows, or behind them of the validation rows.
    private func chosenRows(_ place: ProbeRows) -> (rows: [Int], counts: [Int]) {
        var rows: [Int] = []
        var counts: [Int] = []
        var first = 0
        let trainingCount = settings.trainingRowCounts.reduce(0, +)
        var firstValidation = trainingCount
        for (own, others) in zip(settings.trainingRowCounts, settings.validationRowCounts) {
            var mine = Array(first..<first + own)
            if case .fold(let fold) = place { mine.removeAll { Int(folds[$0]) == fold } }
            if place == .all { mine += Array(firstValidation..<firstValidation + others) }
            first += own
            firstValidation += others
            counts.append(mine.count)
            rows += mine
        }
        return (rows, counts)
    }

    func table(_ place: ProbeRows) -> FeatureTable {
        let (rows, counts) = chosenRows(place)
        let features = FloatBuffer(unfilledCount: rows.count * settings.featureCount)
        unsafe features.withUnsafeMutableBufferPointer {
            unsafe self.rows.copy(rows.map { UInt32($0) }[...], into: $0)
        }
        return FeatureTable(
            features: features, featureCount: settings.featureCount, classRowCounts: counts,
            classKeys: settings.classKeys,
            rowWeights: weights.map { weights in FloatBuffer(rows.map { weights[$0] }) })
    }
}

/// Does the tasks of a probe.
///
/// An outcome depends on the task's description and the materials alone.
package final class ProbeRunner: Sendable {
    private let settings: ProbeSettings
    private let plan: ProbePlan
    private let tables: ProbeTables
    private let variant: KernelVariant
    /// Trainers of the places that were asked for last.
    private let trainers = Mutex<[(place: ProbeRows, trainer: PathTrainer)]>([])

    private static let trainerCountMax = 2

    init(_ settings: ProbeSettings, _ tables: ProbeTables, variant: KernelVariant) {
        self.settings = settings
        self.tables = tables
        self.variant = variant
        plan = settings.plan
    }

    /// Trains the heads that a task's description asks for.
    ///
    /// - Throws: ``ProbeError``, and what training throws.
    package func run(_ description: [UInt8], isCancelled: () -> Bool) throws -> [UInt8] {
        let task = try ProbeTask(
            decoding: description, featureCount: settings.featureCount, keys: plan.heads)
        guard let keys = plan.heads(of: task.unit) else { throw ProbeError("no such heads") }
        let trainer = try trainer(task.unit.rows)
        let requests = keys.enumerated().map { index, key in
            PathRequest(
                key: key, c: task.cValues[index],
                start: task.origins.map { PathPoint(c: $0.cValues[index], head: $0.heads[index]) })
        }
        let heads = try trainer.train(requests, isCancelled: isCancelled)
        return try ProbeRecord(unit: task.unit, cValues: task.cValues, heads: heads).encoded()
    }

    private func trainer(_ place: ProbeRows) throws -> PathTrainer {
        try trainers.withLock { trainers in
            if let index = trainers.firstIndex(where: { $0.place == place }) {
                let known = trainers.remove(at: index)
                trainers.append(known)
                return known.trainer
            }
            let made = try PathTrainer(
                table: tables.table(place), isBalanced: settings.isBalanced,
                gapTolerance: settings.gapTolerance, variant: variant)
            if trainers.count == Self.trainerCountMax { trainers.removeFirst() }
            trainers.append((place, made))
            return made
        }
    }
}
