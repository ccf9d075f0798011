import CHeadKernels
import HeadPlan
import Tensors

/// A window of the shared stream: rows in epoch order, masked and scaled once for all heads.
struct StreamWindow {
    private let table: FeatureTable
    private let rowCountMax: Int
    private let featureCount: Int
    private let variant: KernelVariant
    private let seed: UInt64
    private let keepNumerator: UInt32
    /// Two windows: the one at hand, and the one before, of which heads may still need rows.
    private let buffer: FloatBuffer
    private var isSecondHalf = false
    private let rowClasses: [UInt16]
    private let classOffsets: [UInt32]
    private var indices: [UInt32] = []
    /// Classes of the rows of both halves.
    private var labels: [UInt16]
    /// `[class, word]`: which rows of the window are of a class.
    private var classBits: [UInt64]
    private let wordCount: Int

    init(
        table: FeatureTable, rowCountMax: Int, featureCount: Int,
        hyperparameters: HeadHyperparameters, variant: KernelVariant
    ) {
        self.table = table
        // Two windows of rows have 16-bit positions.
        self.rowCountMax = min(rowCountMax, Int(UInt16.max) / 2, max(1, table.rowCount))
        self.featureCount = featureCount
        self.variant = variant
        seed = hyperparameters.seed
        keepNumerator = max(1, UInt32(((1 - hyperparameters.dropout) * 65_536).rounded()))
        buffer = FloatBuffer(count: 2 * self.rowCountMax * featureCount)
        classOffsets = table.classRowOffsets.map(UInt32.init)
        var classes: [UInt16] = []
        classes.reserveCapacity(table.rowCount)
        for (index, count) in table.classRowCounts.enumerated() {
            classes.append(contentsOf: repeatElement(UInt16(index), count: count))
        }
        rowClasses = classes
        labels = [UInt16](repeating: 0, count: 2 * self.rowCountMax)
        wordCount = (self.rowCountMax + 63) / 64
        classBits = [UInt64](repeating: 0, count: wordCount * table.classCount)
    }

    /// Fills the window with the next rows of `order` whose class is marked in `classes`.
    ///
    /// - Returns: the position in `order` after the last row taken or skipped.
    mutating func fill(from order: [UInt32], at start: Int, classes: [Bool], epoch: Int) -> Int {
        isSecondHalf.toggle()
        indices.removeAll(keepingCapacity: true)
        for index in classBits.indices { classBits[index] = 0 }
        var position = start
        while position < order.count && indices.count < rowCountMax {
            let row = order[position]
            position += 1
            let label = rowClasses[Int(row)]
            guard classes[Int(label)] else { continue }
            classBits[Int(label) * wordCount + indices.count / 64] |=
                1 << UInt64(indices.count % 64)
            labels[firstRow + indices.count] = label
            indices.append(row)
        }
        prepareRows(epoch: epoch)
        return position
    }

    private func prepareRows(epoch: Int) {
        unsafe table.features.withUnsafeBufferPointer { features in
            unsafe indices.withUnsafeBufferPointer { indices in
                unsafe labels.withUnsafeBufferPointer { labels in
                    unsafe classOffsets.withUnsafeBufferPointer { offsets in
                        guard let features = features.baseAddress, indices.count > 0 else { return }
                        var request = unsafe head_row_request(
                            features: features, source_feature_count: UInt32(table.featureCount),
                            feature_count: UInt32(featureCount), row_indices: indices.baseAddress,
                            row_classes: labels.baseAddress.map { unsafe $0 + firstRow },
                            class_offsets: offsets.baseAddress,
                            row_count: UInt32(indices.count), seed: seed, epoch: UInt32(epoch),
                            dropout_purpose: RandomPurpose.headDropout.rawValue,
                            keep_numerator: keepNumerator, scale: 65_536 / Float(keepNumerator))
                        unsafe buffer.withUnsafeMutableBufferPointer { target in
                            unsafe head_kernel_variant_at(variant.index).pointee.prepare_rows(
                                &request,
                                target.baseAddress.map { unsafe $0 + firstRow * featureCount })
                        }
                    }
                }
            }
        }
    }

    /// Lends the window to the kernels.
    func withWindow(_ body: (UnsafePointer<head_window>) -> Void) {
        unsafe buffer.withUnsafeBufferPointer { rows in
            unsafe labels.withUnsafeBufferPointer { labels in
                unsafe classBits.withUnsafeBufferPointer { bits in
                    var window = unsafe head_window(
                        buffer: rows.baseAddress, first_row: UInt32(firstRow),
                        row_count: UInt32(indices.count),
                        feature_count: UInt32(featureCount), labels: labels.baseAddress,
                        class_bits: bits.baseAddress, word_count: UInt32(wordCount))
                    unsafe body(&window)
                }
            }
        }
    }

    var rowCount: Int { indices.count }

    private var firstRow: Int { isSecondHalf ? rowCountMax : 0 }
}
