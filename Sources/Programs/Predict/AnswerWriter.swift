import Decoding
import Formats
import Model
import Numerics
import Prediction
import System

/// Writes answers in the order of the rows: lines as they come, or an array as a whole file.
final class AnswerWriter {
    /// A header of an array is written again once the number of rows is known.
    private static let headerByteCount = 128

    private let options: PredictOptions
    private let model: Model
    private let threshold: Double?
    /// How lines are written; nil for an array.
    private let text: AnswerText?
    /// Nil for standard output.
    private let file: AtomicFile.Draft?
    private var rowCount = 0
    private var isBegun = false

    init(
        _ options: PredictOptions, _ format: PredictOptions.Format, _ model: Model,
        threshold: Double?
    ) throws(FormatError) {
        self.options = options
        self.model = model
        self.threshold = threshold
        let text =
            format == .npy
            ? nil
            : AnswerText(
                model, format, top: options.top, hasProbabilities: options.printsProbabilities)
        self.text = text
        file = try options.output.map { (path) throws(FormatError) in
            let file = try AtomicFile.Draft(of: path)
            guard text != nil || file.hasStart else {
                throw .cannotWrite(
                    path,
                    "the number of rows stands at the start of an .npy and is known at the end, and a pipe has no way back; write .csv or .jsonl, or name a file"
                )
            }
            return file
        }
    }

    /// What a person should know of the columns; nil for nothing.
    var note: String? {
        text?.numbersColumns == true
            ? "some classes differ by case alone, so columns are p_NUMBER_NAME" : nil
    }

    /// Writes the answers of the rows that follow, in parts, with an explanation of each row or none.
    ///
    /// - Returns: whether somebody still reads.
    func write(
        _ parts: [ClassProbabilities], _ explanations: [Explanation] = []
    ) throws -> Bool {
        if let text { return try write(parts, explanations, text) }
        if !isBegun { try file?.append(header) }
        isBegun = true
        for part in parts {
            rowCount += part.rowCount
            try file?.append(options.printsProbabilities ? floats(part) : labels(part))
        }
        return true
    }

    private func write(
        _ parts: [ClassProbabilities], _ explanations: [Explanation], _ text: AnswerText
    ) throws -> Bool {
        var lines = isBegun ? "" : text.header
        isBegun = true
        var explained = explanations[...]
        for part in parts {
            for row in 0..<part.rowCount {
                lines += text.line(answer(part, row), rowCount, explained.popFirst())
                rowCount += 1
            }
        }
        if let file {
            try file.append(Array(lines.utf8))
            return true
        }
        return try StandardStream.output(lines, rest: "")
    }

    private func answer(_ part: ClassProbabilities, _ row: Int) -> Answer {
        Answer(part.row(row), top: options.top, threshold: threshold)
    }

    /// Puts a file in its place.
    func finish() throws {
        if !isBegun { _ = try write([]) }
        if text == nil { try file?.overwriteStart(header) }
        try file?.publish()
    }

    private var header: [UInt8] {
        options.printsProbabilities
            ? NPY.header(
                "<f8", shape: [rowCount, model.classCount], byteCountMin: Self.headerByteCount)
            : NPY.header(
                model.integerLabels == nil ? "<U\(labelLength)" : "<i8", shape: [rowCount],
                byteCountMin: Self.headerByteCount)
    }

    /// Code points of the longest label, at least 1.
    private var labelLength: Int {
        model.classNames.map(\.unicodeScalars.count).max() ?? 1
    }

    private func floats(_ part: ClassProbabilities) -> [UInt8] {
        unsafe part.values.withUnsafeBytes { unsafe Array($0) }
    }

    /// Labels as values of the array; of none of the classes the empty text, or the least number.
    private func labels(_ part: ClassProbabilities) -> [UInt8] {
        var bytes: [UInt8] = []
        let (integers, length) = (model.integerLabels, labelLength)
        for row in 0..<part.rowCount {
            let answer = answer(part, row)
            let position = answer.choices[0].position
            if let integers {
                let label = answer.isRejected ? Int64.min : integers[position]
                for shift in 0..<8 {
                    bytes.append(UInt8(truncatingIfNeeded: label >> Int64(8 * shift)))
                }
                continue
            }
            let name = answer.isRejected ? "" : model.classNames[position]
            let start = bytes.count
            for scalar in name.unicodeScalars {
                for shift in 0..<4 {
                    bytes.append(UInt8(truncatingIfNeeded: scalar.value >> UInt32(8 * shift)))
                }
            }
            bytes += repeatElement(0, count: 4 * length - (bytes.count - start))
        }
        return bytes
    }
}
