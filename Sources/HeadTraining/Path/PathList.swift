import CHeadKernels
import Numerics

/// The probabilities of a pass over rows that are not small, row after row, and what is left out.
final class PathList {
    /// The least that is listed.
    let least: Float
    private(set) var entryCount = 0
    private(set) var classes: [UInt32] = []
    private(set) var values: [Float] = []
    /// By row.
    private(set) var counts: [UInt32]
    /// By row: the sum of what is left out.
    private(set) var rest: [Float]
    /// By output: sums over the rows, as they weigh, of what is left out.
    private(set) var small: [Double]
    private let outputCount: Int

    init(rowCount: Int, outputCount: Int, least: Float) {
        self.least = least
        self.outputCount = outputCount
        counts = [UInt32](repeating: 0, count: rowCount)
        rest = [Float](repeating: 0, count: rowCount)
        small = [Double](repeating: 0, count: outputCount)
    }

    /// Adds the entries of a block of rows.
    func select(
        _ request: inout head_path_rows, first: Int, _ path: head_path_kernels
    ) {
        // Room for every probability of the block, and one behind them, which is written and not kept.
        let room = unsafe entryCount + request.row_count * outputCount + 1
        if classes.count < room {
            let more = max(room, 2 * classes.count) - classes.count
            classes.append(contentsOf: repeatElement(0, count: more))
            values.append(contentsOf: repeatElement(0, count: more))
        }
        let start = entryCount
        entryCount = unsafe classes.withUnsafeMutableBufferPointer { classes in
            unsafe values.withUnsafeMutableBufferPointer { values in
                unsafe counts.withUnsafeMutableBufferPointer { counts in
                    unsafe rest.withUnsafeMutableBufferPointer { rest in
                        unsafe small.withUnsafeMutableBufferPointer { small in
                            var list = unsafe head_path_list()
                            unsafe list.least = least
                            unsafe list.count = start
                            unsafe list.classes = classes.baseAddress
                            unsafe list.values = values.baseAddress
                            unsafe list.counts = counts.baseAddress.map { unsafe $0 + first }
                            unsafe list.rest = rest.baseAddress.map { unsafe $0 + first }
                            unsafe list.small = small.baseAddress
                            unsafe path.select(&request, &list)
                            return unsafe list.count
                        }
                    }
                }
            }
        }
    }
}
