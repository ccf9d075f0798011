/// What a model can be asked for.
enum InferenceOutput: String, CaseIterable {
    /// The name of the most probable class.
    case label
    /// Its index.
    case labelIndex = "label_index"
    /// Of every class, by index.
    case probabilities
    /// The probability of `label`.
    case score

    func datatype(_ model: ModelDescription) -> InferenceDatatype {
        switch self {
        case .label: model.classNumbers == nil ? .bytes : .int64
        case .labelIndex: .int64
        case .probabilities, .score: .fp64
        }
    }
}

/// How a request is to be answered: its outputs, checked against the model.
package struct InferenceAnswer: Sendable {
    private struct Wanted {
        let output: InferenceOutput
        let isBinary: Bool
        /// In Triton's way, see ``InferenceRequest/Output/classCount``.
        let classCount: Int
    }

    private let model: ModelDescription
    private let identifier: String?
    private let wanted: [Wanted]
    /// Classes named for each row; nil for one, without an axis of its own.
    private let topCount: Int?

    /// How to answer a request.
    ///
    /// - Throws: ``InferenceError`` for outputs and parameters that the model does not have.
    package init(to request: InferenceRequest, by model: ModelDescription) throws(InferenceError) {
        self.model = model
        identifier = request.identifier
        topCount = request.topCount
        let classCount = model.classNames.count
        if let top = request.topCount, !(1...classCount).contains(top) {
            throw InferenceError(
                "top is \(top), and the model \(model.name) has \(classCount) classes")
        }
        let asked =
            request.outputs
            ?? InferenceOutput.allCases.map { InferenceRequest.Output(name: $0.rawValue) }
        wanted = try asked.map { (asked) throws(InferenceError) in
            guard let output = InferenceOutput(rawValue: asked.name) else {
                throw InferenceError(
                    "the model \(model.name) has no output \(asked.name); it has \(InferenceOutput.allCases.map(\.rawValue).joined(separator: ", "))"
                )
            }
            guard asked.classCount == 0 || output == .probabilities else {
                throw InferenceError(
                    "the parameter classification is for the output probabilities, not for \(asked.name)"
                )
            }
            guard (0...classCount).contains(asked.classCount) else {
                throw InferenceError(
                    "classification is \(asked.classCount), and the model \(model.name) has \(classCount) classes"
                )
            }
            return Wanted(
                output: output, isBinary: asked.isBinary ?? request.isBinaryWanted,
                classCount: asked.classCount)
        }
    }

    /// The answer.
    ///
    /// - Parameter probabilities: `[sample, class]`, of the request's rows.
    /// - Returns: the body, and how much of it is JSON where binary outputs follow; else nil.
    package func body(_ probabilities: ArraySlice<Double>) -> (bytes: [UInt8], jsonByteCount: Int?)
    {
        let rows = RowProbabilities(probabilities, classCount: model.classNames.count)
        var json = JSONText()
        json.reserve(256 + 24 * probabilities.count)
        var binary: [UInt8] = []
        json.raw(#"{"model_name":"#)
        json.string(model.name)
        json.raw(#","model_version":"\#(ModelDescription.version)""#)
        if let identifier {
            json.raw(#","id":"#)
            json.string(identifier)
        }
        json.raw(#","outputs":"#)
        json.list(wanted) { json, wanted in
            let tensor = tensor(wanted, rows)
            tensor.write(
                wanted.output.rawValue, &json, wanted.isBinary ? { binary += $0 } : nil)
        }
        json.raw("}")
        let isBinary = wanted.contains(where: \.isBinary)
        return (json.bytes + binary, isBinary ? json.bytes.count : nil)
    }

    private func tensor(_ wanted: Wanted, _ rows: RowProbabilities) -> OutputTensor {
        if wanted.classCount > 0 {
            let texts = (0..<rows.count).flatMap { row in
                rows.top(wanted.classCount, of: row).map { index in
                    "\(rows[row, index]):\(index):\(model.classNames[index])"
                }
            }
            return OutputTensor(shape: [rows.count, wanted.classCount], content: .strings(texts))
        }
        if wanted.output == .probabilities {
            return OutputTensor(
                shape: [rows.count, rows.classCount], content: .doubles(rows.values))
        }
        let shape = [rows.count] + (topCount.map { [$0] } ?? [])
        let found = (0..<rows.count).map { rows.top(topCount ?? 1, of: $0) }
        switch wanted.output {
        case .label:
            if let numbers = model.classNumbers {
                return OutputTensor(
                    shape: shape, content: .integers(found.joined().map { numbers[$0] }))
            }
            return OutputTensor(
                shape: shape, content: .strings(found.joined().map { model.classNames[$0] }))
        case .labelIndex:
            return OutputTensor(shape: shape, content: .integers(Array(found.joined())))
        case .score, .probabilities:
            let scores = found.enumerated().flatMap { row, indices in
                indices.map { rows[row, $0] }
            }
            return OutputTensor(shape: shape, content: .doubles(scores[...]))
        }
    }
}

/// Probabilities of a request's rows.
private struct RowProbabilities {
    let values: ArraySlice<Double>
    let classCount: Int
    var count: Int { values.count / classCount }

    init(_ values: ArraySlice<Double>, classCount: Int) {
        precondition(values.count % classCount == 0)
        self.values = values
        self.classCount = classCount
    }

    subscript(row: Int, index: Int) -> Double {
        values[values.startIndex + row * classCount + index]
    }

    /// The most probable classes of a row, in order; of equally probable ones the lowest first.
    func top(_ wantedCount: Int, of row: Int) -> [Int] {
        if wantedCount == 1 {
            var best = 0
            for index in 1..<classCount where self[row, index] > self[row, best] { best = index }
            return [best]
        }
        let order = (0..<classCount).sorted { left, right in
            let (first, second) = (self[row, left], self[row, right])
            return first != second ? first > second : left < right
        }
        return Array(order.prefix(wantedCount))
    }
}

/// An output's values.
private struct OutputTensor {
    enum Content {
        case strings([String])
        case integers([Int])
        case doubles(ArraySlice<Double>)
    }

    let shape: [Int]
    let content: Content

    /// Writes the output, its values as JSON, or to `binary`.
    func write(_ name: String, _ json: inout JSONText, _ binary: (([UInt8]) -> Void)?) {
        let datatype: InferenceDatatype =
            switch content {
            case .strings: .bytes
            case .integers: .int64
            case .doubles: .fp64
            }
        json.raw(#"{"name":"\#(name)","datatype":"\#(datatype.rawValue)","shape":"#)
        json.list(shape) { $0.number($1) }
        if let binary {
            let bytes = self.bytes
            json.raw(#","parameters":{"binary_data_size":\#(bytes.count)}}"#)
            binary(bytes)
            return
        }
        json.raw(#","data":"#)
        switch content {
        case .strings(let values): json.list(values) { $0.string($1) }
        case .integers(let values): json.list(values) { $0.number($1) }
        case .doubles(let values): json.list(values) { $0.number($1) }
        }
        json.raw("}")
    }

    /// Little-endian; strings each with their length before them.
    private var bytes: [UInt8] {
        var bytes: [UInt8] = []
        func append(_ value: some FixedWidthInteger) {
            unsafe withUnsafeBytes(of: value.littleEndian) { unsafe bytes.append(contentsOf: $0) }
        }
        switch content {
        case .strings(let values):
            for value in values {
                append(UInt32(value.utf8.count))
                bytes += value.utf8
            }
        case .integers(let values):
            bytes.reserveCapacity(8 * values.count)
            for value in values { append(Int64(value)) }
        case .doubles(let values):
            bytes.reserveCapacity(8 * values.count)
            for value in values { append(value.bitPattern) }
        }
        return bytes
    }
}
