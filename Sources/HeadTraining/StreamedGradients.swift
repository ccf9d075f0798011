package import Heads
package import Numerics
import Synchronization

/// The gradients of many heads, from rows that come some at a time: what
/// ``ConvergedHeadTrainer/gradientNorm(of:)`` says of a head, for rows that are more than memory holds.
///
/// Memory is ``byteCount(of:)`` of every head. Heads are dealt to parts, each of which may be on a
/// thread of its own: a head's rows are summed in the order in which they come, in double precision, so
/// its gradient depends neither on the parts nor on the other heads. Cut at multiples of eight rows of a
/// class, rows give the same bits as all at once.
package final class StreamedGradients: Sendable {
    /// Heads of one part, and what summing takes.
    private struct Part {
        let heads: [StreamedHead]
        let scratch: ConvexTable.Scratch
    }

    /// Used by one thread at a time.
    private final class LockedPart: Sendable {
        let state: Mutex<Part>

        init(_ part: consuming sending Part) { state = Mutex(part) }
    }

    private let parts: [LockedPart]
    private let headCount: Int
    private let l2: Double
    private let kernels: ConvexKernels

    /// Heads whose rows are to come.
    ///
    /// - Parameters:
    ///   - classWeightSums: what the rows of each class weigh together, all of which are to come: without
    ///     weights their number.
    ///   - isBalanced: whether rows weigh by their class, as in ``ConvergedHeadTrainer``.
    ///   - partCount: parts to deal the heads to; 1 or more.
    /// - Throws: `unusableInput` for heads of another number of features, or over a class that there is
    ///   not or that has no rows.
    package init(
        _ heads: [Head], featureCount: Int, classWeightSums: [Double], classKeys: [UInt64],
        isBalanced: Bool = false, l2: Double, partCount: Int, variant: KernelVariant? = nil
    ) throws(HeadTrainingError) {
        precondition(partCount >= 1)
        let kernels = try ConvexKernels(variant)
        for head in heads {
            guard head.featureCount == featureCount, head.classes.count >= 2 else {
                throw .unusableInput(
                    "the head over \(head.classes) reads \(head.featureCount.counted("feature")), not \(featureCount)"
                )
            }
            try head.key.check(isHeld: classWeightSums.map { $0 > 0 }, featureCount: featureCount)
        }
        let width = ConvexTable.width(featureCount: featureCount)
        let classCountMax = heads.map(\.classes.count).max() ?? 2
        var dealt = [[StreamedHead]](repeating: [], count: partCount)
        for (index, head) in heads.enumerated() {
            // In turns: heads are in the order of their sizes.
            dealt[index % partCount].append(
                StreamedHead(
                    head, width: width, classWeightSums: classWeightSums, classKeys: classKeys,
                    isBalanced: isBalanced))
        }
        parts = dealt.map {
            LockedPart(
                Part(
                    heads: $0,
                    scratch: ConvexTable.Scratch(width: width, classCountMax: classCountMax)))
        }
        headCount = heads.count
        self.l2 = l2
        self.kernels = kernels
    }

    /// Bytes that a head takes here.
    package static func byteCount(of head: Head) -> Int {
        2 * (head.classes.count - 1) * ConvexTable.width(featureCount: head.featureCount)
            * MemoryLayout<Double>.size
    }

    /// How many parts there are.
    package var partCount: Int { parts.count }

    /// Adds rows to the heads of a part; each part gets all rows, in the same order.
    package func add(_ rows: FeatureTable, toPart index: Int) {
        let table = ConvexTable(rows, gramByteCountMax: 0)
        let labels = rows.classRowCounts.indices.filter { rows.classRowCounts[$0] > 0 }
        parts[index].state.withLock { part in
            for label in labels {
                for head in part.heads {
                    head.add(rowsOf: label, table, part.scratch, kernels)
                }
            }
        }
    }

    /// The largest component of each head's gradient, in the order of the heads, once all rows have come.
    package func norms() -> [Double] {
        let byPart = parts.map { part in
            part.state.withLock { $0.heads.map { $0.norm(l2: l2, kernels) } }
        }
        return (0..<headCount).map { byPart[$0 % partCount][$0 / partCount] }
    }
}

/// One head's sums over the rows that have come.
private struct StreamedHead {
    private let head: Head
    private let order: ClassOrder
    private let weightSum: Double
    private let classWeights: [Double]?
    private let width: Int
    private let differences: DoubleBlock
    private let sums: DoubleBlock

    init(
        _ head: Head, width: Int, classWeightSums: [Double], classKeys: [UInt64], isBalanced: Bool
    ) {
        self.head = head
        self.width = width
        order = ClassOrder(head.classes, keys: classKeys)
        let weightSums = order.classes.map { classWeightSums[$0] }
        weightSum = weightSums.reduce(0, +)
        classWeights = isBalanced ? ClassWeights.balanced(rowWeights: weightSums) : nil
        differences = DoubleBlock(count: (order.classes.count - 1) * width)
        sums = DoubleBlock(count: (order.classes.count - 1) * width)
        ConvexSums.setDifferences(
            differences, of: order.weights(of: head, width: width), width: width)
    }

    /// Adds the rows of a class, if it is one of the head's.
    func add(
        rowsOf label: Int, _ table: ConvexTable, _ scratch: ConvexTable.Scratch,
        _ kernels: ConvexKernels
    ) {
        guard let position = order.classes.firstIndex(of: label) else { return }
        guard let classWeights else {
            return accumulate(label, position, table, scratch, into: sums, kernels)
        }
        let part = DoubleBlock(count: sums.count)
        accumulate(label, position, table, scratch, into: part, kernels)
        kernels.add(classWeights[position], part, to: sums)
    }

    private func accumulate(
        _ label: Int, _ position: Int, _ table: ConvexTable, _ scratch: ConvexTable.Scratch,
        into sums: DoubleBlock, _ kernels: ConvexKernels
    ) {
        table.accumulate(
            rowsOf: label, position: position, classCount: order.classes.count,
            differences: differences, sums: sums, scratch, kernels: kernels)
    }

    func norm(l2: Double, _ kernels: ConvexKernels) -> Double {
        let weights = order.weights(of: head, width: width)
        let gradient = DoubleBlock(count: weights.count)
        ConvexSums.finish(
            sums, at: weights, weightSum: weightSum, l2: l2, featureCount: head.featureCount,
            width: width, kernels: kernels, into: gradient)
        return gradient.largestMagnitude
    }
}
