import Formats
import Numerics

extension UserFile {
    /// What each training row weighs: an array of numbers of any type along one axis, or a text file of
    /// one number a line.
    ///
    /// - Parameter labels: of the training rows.
    /// - Returns: float32, finite and none below 0.
    /// - Throws: `FormatError` that names the file, the row (counted from 0) and the cure.
    func weights(of labels: LabelColumn) throws(FormatError) -> [Float] {
        let isText = content == .text || content == .csv
        let weights = try isText ? textNumbers() : numbers()
        guard weights.count == labels.rowCount else {
            throw .malformed(
                description,
                "it has \(weights.count.counted("weight")), and \(labels.path) has \(labels.rowCount.counted("label")); use files that belong together"
            )
        }
        if let row = weights.firstIndex(where: { !$0.isFinite }) {
            throw fault(row, "has a weight that is not finite as a float32; give it a number")
        }
        if let row = weights.firstIndex(where: { $0 < 0 }) {
            throw fault(row, "has the weight \(weights[row]); give weights of 0 or more")
        }
        return weights
    }

    private func fault(_ row: Int, _ what: String) -> FormatError {
        .malformed(description, "row \(row) (counted from 0) \(what)")
    }

    private func numbers() throws(FormatError) -> [Float] {
        var array = try array(ByteSource(path), readsBfloat16: false)
        let shape = array.header.shape
        guard shape.count == 1 || shape.count == 2 && shape[1] == 1 else {
            throw .malformed(
                description, "its shape is \(shape), where weights have one axis; save w.ravel()")
        }
        return try array.floats()
    }

    private func textNumbers() throws(FormatError) -> [Float] {
        let column =
            content == .text
            ? try LabelColumn(text: ByteReader(ByteSource(path)), what: "weight") : try labels()
        let values = column.labels.names.map { Float($0) }
        if let place = values.firstIndex(of: nil), let row = column.places.firstIndex(of: place) {
            throw fault(row, "is not a number; write one weight a line")
        }
        return column.places.map { values[$0] ?? 0 }
    }
}
