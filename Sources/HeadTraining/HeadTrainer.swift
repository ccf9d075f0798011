import CHeadKernels
import Glibc
package import Heads
package import Numerics

/// Trains bundles of heads on one feature table.
///
/// A head's bits depend on the features and labels of its rows, the keys of its classes and the
/// hyperparameters alone: not on the run's other classes, the other heads of its bundle, the kernel variant, the window size or the thread.
/// Sharing a trainer between threads is safe; each call works on memory of its own.
package struct HeadTrainer: Sendable {
    private let table: FeatureTable
    private let hyperparameters: HeadHyperparameters
    private let derivedFrom: Head?
    private let variant: KernelVariant
    private let epochOrders: EpochOrders
    private let windowRowCount: Int

    /// The padded feature count: a multiple of the kernels' 16 lanes.
    private let paddedFeatureCount: Int

    /// Bytes of a window of rows: a quarter of a core's second-level cache, the rest being for the
    /// window before and the heads that pass by.
    private static let windowByteCount: Int = {
        let cache = sysconf(Int32(_SC_LEVEL2_CACHE_SIZE))
        return min(1 << 20, max(64 << 10, cache > 0 ? cache / 4 : 128 << 10))
    }()

    /// Checks that heads can be trained.
    ///
    /// - Parameter derivedFrom: the backbone's own output layer over all classes; needed by
    ///   `HeadInitialisation.derived` and unused otherwise.
    /// - Parameter windowRowCount: rows prepared at a time, for tests; nil chooses by cache size.
    /// - Throws: `unusableInput` for hyperparameters out of range, a missing or misshapen `derivedFrom`,
    ///   or rows that weigh something by themselves.
    package init(
        table: FeatureTable, hyperparameters: HeadHyperparameters,
        derivedFrom: Head?, variant: KernelVariant, windowRowCount: Int? = nil
    ) throws(HeadTrainingError) {
        try Self.check(hyperparameters)
        guard table.rowWeights == nil else {
            throw .unusableInput(
                "rows with weights of their own need heads at their optimum: --head-epochs converge"
            )
        }
        guard table.classCount <= Int(UInt16.max) else {
            throw .unusableInput("heads know at most 65,535 classes, not \(table.classCount)")
        }
        if hyperparameters.initialisation == .derived {
            guard let derivedFrom, derivedFrom.featureCount == table.featureCount,
                derivedFrom.classes == .all(table.classCount)
            else {
                throw .unusableInput(
                    "derived heads start from an output layer over all classes and features, which is missing"
                )
            }
        }
        self.table = table
        self.hyperparameters = hyperparameters
        self.derivedFrom = hyperparameters.initialisation == .derived ? derivedFrom : nil
        self.variant = variant
        epochOrders = EpochOrders(seed: hyperparameters.seed, table: table)
        let lanes = Int(HEAD_LANES)
        paddedFeatureCount = (table.featureCount + lanes - 1) / lanes * lanes
        self.windowRowCount =
            windowRowCount ?? min(4096, max(64, Self.windowByteCount / (paddedFeatureCount * 4)))
    }

    private static func check(_ values: HeadHyperparameters) throws(HeadTrainingError) {
        guard values.epochCount >= 1, values.epochCount <= 1_000_000 else {
            throw .unusableInput("head epochs must be 1 to 1,000,000, not \(values.epochCount)")
        }
        guard values.batchSize >= 1, values.batchSize <= 1 << 30 else {
            throw .unusableInput("the batch size must be at least 1, not \(values.batchSize)")
        }
        guard values.dropout >= 0, values.dropout < 1 else {
            throw .unusableInput(
                "head dropout must be at least 0 and below 1, not \(values.dropout)")
        }
        guard values.learningRate.isFinite, values.rho >= 0, values.rho < 1, values.epsilon > 0,
            values.epsilon.isFinite
        else {
            throw .unusableInput("learning rate, rho or epsilon of the heads is out of range")
        }
    }

    /// Trains heads together in one pass over the rows per epoch.
    ///
    /// - Parameter isCancelled: asked between windows, some hundred times a second.
    /// - Returns: the heads in the order of `specs`.
    /// - Throws: `cancelled`, or `unusableInput` for a class that the table does not have or whose rows
    ///   it does not hold. A class that is held and has no rows is no error: its weights are trained
    ///   on the others' rows.
    package func train(
        _ specs: [HeadKey], isCancelled: () -> Bool = { false }
    ) throws(HeadTrainingError) -> [Head] {
        var union = [Bool](repeating: false, count: table.classCount)
        for spec in specs {
            try spec.check(isHeld: table.isHeld, featureCount: table.featureCount)
            for member in spec.classes.members { union[member] = true }
        }
        let orders = specs.map { ClassOrder($0.classes, keys: table.classKeys) }
        let states = HeadStates(
            orders: orders,
            classWeights: hyperparameters.isBalanced ? orders.map(classWeights) : nil,
            featureCount: table.featureCount, paddedFeatureCount: paddedFeatureCount,
            variant: variant)
        for index in specs.indices {
            initialise(index, of: states, classes: orders[index].classes)
        }
        var window = StreamWindow(
            table: table, rowCountMax: windowRowCount, featureCount: paddedFeatureCount,
            hyperparameters: hyperparameters, variant: variant)
        for epoch in 0..<hyperparameters.epochCount {
            // Here too: of no rows there are no windows.
            if isCancelled() { throw .cancelled }
            let rows = epochOrders.order(epoch: epoch)
            var position = 0
            while position < rows.count {
                if isCancelled() { throw .cancelled }
                position = window.fill(from: rows, at: position, classes: union, epoch: epoch)
                states.consume(window, hyperparameters)
            }
            states.endEpoch(window, hyperparameters)
        }
        return specs.indices.map { states.head($0, classes: specs[$0].classes) }
    }

    /// By position in a head; kernels take them in single precision.
    private func classWeights(_ order: ClassOrder) -> [Double] {
        ClassWeights.balanced(rowCounts: order.classes.map { table.classRowCounts[$0] })
    }

    /// - Parameter classes: of the head, by ascending key.
    private func initialise(_ index: Int, of states: HeadStates, classes: [Int]) {
        let width = table.featureCount
        switch hyperparameters.initialisation {
        case .zero:
            break
        case .glorot:
            let limit = (6 / Float(width + classes.count)).squareRoot()
            let name = ClassSet.fingerprint(ofKeys: classes.map { table.classKeys[$0] })
            // Weights are asked for in order: four of them come from one block.
            var drawn = UInt32.max
            var words: SIMD4<UInt32> = .zero
            states.setWeights(index) { position, feature in
                let element = UInt32(position * width + feature)
                if element / 4 != drawn {
                    drawn = element / 4
                    words = Philox.block(
                        seed: hyperparameters.seed, purpose: .headInitialisation,
                        UInt32(truncatingIfNeeded: name), UInt32(truncatingIfNeeded: name >> 32),
                        drawn, index: 0)
                }
                return (2 * Philox.uniform(words[Int(element % 4)]) - 1) * limit
            }
        case .derived:
            guard let derivedFrom else { preconditionFailure("checked by the initialiser") }
            let (weights, biases) = (derivedFrom.weights, derivedFrom.biases)
            states.setWeights(index) { weights[classes[$0], $1] }
            states.setBiases(index, classes.map { biases[$0] })
        }
        states.begin(index)
    }
}

extension HeadKey {
    /// The most weights of one head, `|S| * d`: four gigabytes of them.
    private static let weightCountMax = 1 << 30

    /// Checks that a head is of a size that can be trained and that its classes' rows are here.
    ///
    /// - Parameter isHeld: by class, as in the feature table.
    /// - Throws: `unusableInput` for groups of several classes, for a class that the table does not have
    ///   or does not hold, or for too many weights.
    func check(isHeld: [Bool], featureCount: Int) throws(HeadTrainingError) {
        guard tellsSingleClasses else {
            throw .unusableInput(
                "head \(self) tells groups apart, which this version does not train")
        }
        guard classes.count <= Self.weightCountMax / featureCount else {
            throw .unusableInput(
                "head \(self) has more than \(Self.weightCountMax) weights: train it on fewer classes"
            )
        }
        for member in classes.members {
            guard member < isHeld.count else {
                throw .unusableInput(
                    "head \(self) has class \(member), but the features have \(isHeld.count.counted("class"))"
                )
            }
            guard isHeld[member] else {
                throw .unusableInput(
                    "head \(self) has class \(member), whose rows are not held here")
            }
        }
    }
}
