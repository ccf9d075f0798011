import CHeadKernels
import Heads
import Numerics

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
    private let classKeys: [UInt64]
    private var indices: [UInt32]
    /// Rows of the window.
    private(set) var rowCount = 0
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
        classKeys = table.classKeys
        var classes: [UInt16] = []
        classes.reserveCapacity(table.rowCount)
        for (index, count) in table.classRowCounts.enumerated() {
            classes.append(contentsOf: repeatElement(UInt16(index), count: count))
        }
        rowClasses = classes
        indices = [UInt32](repeating: 0, count: self.rowCountMax)
        labels = [UInt16](repeating: 0, count: 2 * self.rowCountMax)
        wordCount = (self.rowCountMax + 63) / 64
        classBits = [UInt64](repeating: 0, count: wordCount * table.classCount)
    }

    /// Fills the window with the next rows of `order` whose class is marked in `classes`.
    ///
    /// - Returns: the position in `order` after the last row taken or skipped.
    mutating func fill(from order: [UInt32], at start: Int, classes: [Bool], epoch: Int) -> Int {
        isSecondHalf.toggle()
        var position = start
        rowCount = Self.list(
            order, from: &position, rowClasses, wanted: classes, indices: &indices,
            labels: &labels, firstLabel: firstRow, classBits: &classBits)
        prepareRows(epoch: epoch)
        return position
    }

    /// Lists rows until `indices` is full or `order` ends.
    ///
    /// - Returns: the number of rows listed; `position` is behind the last one looked at.
    private static func list(
        _ order: [UInt32], from position: inout Int, _ rowClasses: [UInt16], wanted: [Bool],
        indices: inout [UInt32], labels: inout [UInt16], firstLabel: Int,
        classBits: inout [UInt64]
    ) -> Int {
        // Spans: a check of ownership at every write would cost as much as all the rest.
        let rows = order.span
        let classOfRow = rowClasses.span
        let isWanted = wanted.span
        let wordCount = (indices.count + 63) / 64
        var listed = indices.mutableSpan
        var classes = labels.mutableSpan
        var bits = classBits.mutableSpan
        for index in bits.indices { bits[index] = 0 }
        var count = 0
        while position < rows.count && count < listed.count {
            let row = rows[position]
            position += 1
            let label = classOfRow[Int(row)]
            guard isWanted[Int(label)] else { continue }
            bits[Int(label) * wordCount + count / 64] |= 1 << UInt64(count % 64)
            listed[count] = row
            classes[firstLabel + count] = label
            count += 1
        }
        return count
    }

    private func prepareRows(epoch: Int) {
        unsafe table.features.withUnsafeBufferPointer { features in
            unsafe indices.withUnsafeBufferPointer { indices in
                unsafe labels.withUnsafeBufferPointer { labels in
                    unsafe classOffsets.withUnsafeBufferPointer { offsets in
                        unsafe classKeys.withUnsafeBufferPointer { keys in
                            guard let features = features.baseAddress, rowCount > 0 else { return }
                            var request = unsafe head_row_request(
                                features: features,
                                source_feature_count: UInt32(table.featureCount),
                                feature_count: UInt32(featureCount),
                                row_indices: indices.baseAddress,
                                row_classes: labels.baseAddress.map { unsafe $0 + firstRow },
                                class_offsets: offsets.baseAddress, class_keys: keys.baseAddress,
                                row_count: UInt32(rowCount), seed: seed, epoch: UInt32(epoch),
                                dropout_purpose: RandomPurpose.headDropout.rawValue,
                                keep_numerator: keepNumerator,
                                scale: 65_536 / Float(keepNumerator))
                            unsafe prepareRows(&request)
                        }
                    }
                }
            }
        }
    }

    private func prepareRows(_ request: inout head_row_request) {
        unsafe buffer.withUnsafeMutableBufferPointer { target in
            unsafe head_kernel_variant_at(variant.index).pointee.prepare_rows(
                &request, target.baseAddress.map { unsafe $0 + firstRow * featureCount })
        }
    }

    /// Lends the window to the kernels.
    func withWindow(_ body: (UnsafePointer<head_window>) -> Void) {
        unsafe buffer.withUnsafeBufferPointer { rows in
            unsafe labels.withUnsafeBufferPointer { labels in
                unsafe classBits.withUnsafeBufferPointer { bits in
                    var window = unsafe head_window(
                        buffer: rows.baseAddress, first_row: UInt32(firstRow),
                        row_count: UInt32(rowCount),
                        feature_count: UInt32(featureCount), labels: labels.baseAddress,
                        class_bits: bits.baseAddress, word_count: UInt32(wordCount))
                    unsafe body(&window)
                }
            }
        }
    }

    private var firstRow: Int { isSecondHalf ? rowCountMax : 0 }
}
