/// A request for predictions, as it was sent: nothing of it is compared with a model yet.
package struct InferenceRequest: Sendable {
    /// An input.
    struct Input: Sendable {
        /// What it holds.
        enum Content: Sendable {
            case floats([Float])
            /// Of UINT8 in binary: images are this, and are not made four times as large.
            case bytes([UInt8])

            var count: Int {
                switch self {
                case .floats(let values): values.count
                case .bytes(let values): values.count
                }
            }
        }

        var name = ""
        var shape: [Int] = []
        var datatype = InferenceDatatype.fp32
        var content = Content.floats([])
    }

    /// An output that is asked for.
    struct Output: Sendable {
        var name = ""
        /// Nil where the request as a whole decides.
        var isBinary: Bool?
        /// How many classes are wanted in Triton's way, "value:index:label"; 0 for the tensor itself.
        var classCount = 0
    }

    /// What the client calls the request; the answer repeats it.
    package private(set) var identifier: String?
    /// The scheme to predict by; nil for the server's.
    package private(set) var scheme: String?
    /// How many classes to name for each row, most probable first; nil for the first alone.
    private(set) var topCount: Int?
    private(set) var isBinaryWanted = false
    private(set) var inputs: [Input] = []
    /// Nil for all there are.
    private(set) var outputs: [Output]?

    /// The name of the header that says how much of a body is JSON.
    package static let lengthHeader = "inference-header-content-length"

    /// Understands the body of a request.
    ///
    /// - Parameters:
    ///   - body: JSON, and after it the inputs that are binary.
    ///   - length: the value of ``lengthHeader``; nil where there is none, and all is JSON.
    /// - Throws: ``InferenceError`` with one sentence for whatever is malformed.
    package init(body: [UInt8], length: String? = nil) throws(InferenceError) {
        var byteCount = body.count
        if let length {
            guard let count = Int(length), length.first != "+", (0...body.count).contains(count)
            else {
                throw InferenceError(
                    "the header Inference-Header-Content-Length is \(length), and the body has \(body.count) bytes"
                )
            }
            byteCount = count
        }
        var draft = Draft()
        var reader = JSONReader(body, byteCount: byteCount)
        try reader.object("the request") { (key, reader) throws(InferenceError) in
            switch key {
            case "id": identifier = try reader.string("id")
            case "parameters": try readParameters(&reader)
            case "inputs":
                draft = Draft()
                try reader.array("inputs") { (reader) throws(InferenceError) in
                    draft.tensors.append(try Self.readInput(&reader))
                }
            case "outputs":
                var found: [Output] = []
                if !reader.takeNull() {
                    try reader.array("outputs") { (reader) throws(InferenceError) in
                        found.append(try Self.readOutput(&reader))
                    }
                }
                // An empty list asks for nothing in particular, as no list does.
                outputs = found.isEmpty ? nil : found
            default: try reader.skip()
            }
        }
        try reader.finish()
        inputs = try draft.inputs(body[byteCount...])
    }

    private mutating func readParameters(_ reader: inout JSONReader) throws(InferenceError) {
        if reader.takeNull() { return }
        try reader.object("parameters") { (key, reader) throws(InferenceError) in
            switch key {
            case "scheme": scheme = try reader.string("scheme")
            case "top": topCount = try reader.integer("top")
            case "binary_data_output": isBinaryWanted = try reader.boolean(key)
            default: try reader.skip()
            }
        }
    }

    private static func readInput(
        _ reader: inout JSONReader
    ) throws(InferenceError) -> Draft.Tensor {
        var tensor = Draft.Tensor()
        try reader.object("an input") { (key, reader) throws(InferenceError) in
            switch key {
            case "name": tensor.input.name = try reader.string("name")
            case "shape":
                tensor.input.shape = []
                tensor.hasShape = true
                try reader.array("shape") { (reader) throws(InferenceError) in
                    tensor.input.shape.append(try reader.integer("a dimension"))
                }
            case "datatype":
                let name = try reader.string("datatype")
                guard let datatype = InferenceDatatype(rawValue: name) else {
                    throw InferenceError(
                        "there is no datatype \(name); there are \(InferenceDatatype.allCases.map(\.rawValue).joined(separator: ", "))"
                    )
                }
                tensor.input.datatype = datatype
                tensor.hasDatatype = true
            case "parameters":
                if reader.takeNull() { break }
                try reader.object("parameters") { (key, reader) throws(InferenceError) in
                    if key == "binary_data_size" {
                        tensor.binaryByteCount = try reader.integer(key)
                    } else {
                        try reader.skip()
                    }
                }
            case "data":
                tensor.data = reader.takeNull() ? nil : try TensorData(&reader)
            default: try reader.skip()
            }
        }
        return tensor
    }

    private static func readOutput(_ reader: inout JSONReader) throws(InferenceError) -> Output {
        var output = Output()
        try reader.object("an output") { (key, reader) throws(InferenceError) in
            switch key {
            case "name": output.name = try reader.string("name")
            case "parameters":
                if reader.takeNull() { break }
                try reader.object("parameters") { (key, reader) throws(InferenceError) in
                    switch key {
                    case "binary_data": output.isBinary = try reader.boolean(key)
                    case "classification": output.classCount = try reader.integer(key)
                    default: try reader.skip()
                    }
                }
            default: try reader.skip()
            }
        }
        return output
    }
}

/// The inputs before their binary parts are taken.
private struct Draft {
    struct Tensor {
        var input = InferenceRequest.Input()
        var hasDatatype = false
        var hasShape = false
        var binaryByteCount: Int?
        var data: TensorData?
    }

    var tensors: [Tensor] = []

    /// The inputs, their values checked against their shapes.
    ///
    /// - Parameter binary: what follows the JSON.
    func inputs(
        _ binary: ArraySlice<UInt8>
    ) throws(InferenceError) -> [InferenceRequest.Input] {
        var rest = binary
        var inputs: [InferenceRequest.Input] = []
        for tensor in tensors {
            var input = tensor.input
            guard tensor.hasDatatype else {
                throw InferenceError("the input \(input.name) has no datatype")
            }
            guard tensor.hasShape else {
                throw InferenceError(
                    "the input \(input.name) has no shape; give one, as in [1, 3]")
            }
            let count = try Self.count(input)
            if let byteCount = tensor.binaryByteCount {
                guard tensor.data == nil else {
                    throw InferenceError(
                        "the input \(input.name) has both data and binary_data_size")
                }
                guard byteCount >= 0, byteCount <= rest.count else {
                    throw InferenceError(
                        "the input \(input.name) has binary_data_size \(byteCount), and \(rest.count) bytes follow the JSON"
                    )
                }
                guard input.datatype != .bytes, byteCount == count * input.datatype.byteCount
                else {
                    throw InferenceError(
                        "the input \(input.name) has binary_data_size \(byteCount), and \(input.datatype.rawValue) of the shape \(input.shape) has not"
                    )
                }
                let bytes = rest.prefix(byteCount)
                rest = rest.dropFirst(byteCount)
                input.content =
                    input.datatype == .uint8
                    ? .bytes(Array(bytes)) : .floats(input.datatype.floats(bytes))
            } else {
                let data = tensor.data ?? TensorData()
                try data.check(input)
                input.content = .floats(data.values)
            }
            guard input.content.count == count else {
                throw InferenceError(
                    "the input \(input.name) has \(input.content.count) values, and the shape \(input.shape) has \(count)"
                )
            }
            try Self.checkValues(input)
            inputs.append(input)
        }
        guard rest.isEmpty else {
            throw InferenceError("\(rest.count) bytes follow the request that are of no input")
        }
        return inputs
    }

    /// Values must be of their datatype, as far as float32 tells one number from the next.
    private static func checkValues(_ input: InferenceRequest.Input) throws(InferenceError) {
        guard let numbers = input.datatype.wholeNumbers, case .floats(let values) = input.content
        else { return }
        let range = Float(numbers.lowerBound)...Float(numbers.upperBound)
        let index = values.firstIndex { !range.contains($0) || $0 != $0.rounded() }
        guard let index else { return }
        throw InferenceError(
            "value \(index) of the input \(input.name) is \(values[index]), and \(input.datatype.rawValue) holds whole numbers from \(numbers.lowerBound) to \(numbers.upperBound); give those, or another datatype"
        )
    }

    private static func count(_ input: InferenceRequest.Input) throws(InferenceError) -> Int {
        var count = 1
        for side in input.shape {
            let (product, isTooLarge) = count.multipliedReportingOverflow(by: side)
            guard side >= 0, !isTooLarge, product < 1 << 48 else {
                throw InferenceError("the input \(input.name) cannot have the shape \(input.shape)")
            }
            count = product
        }
        return count
    }
}

/// The `data` of an input: numbers in a list, or in lists of lists.
private struct TensorData {
    /// More axes no input has.
    private static let depthMax = 8

    private(set) var values: [Float] = []
    /// How many elements the lists of each depth have.
    private var sides: [Int] = []
    /// The depth of the lists that hold the numbers; nil before the first number.
    private var innermost: Int?

    init() {}

    init(_ reader: inout JSONReader) throws(InferenceError) {
        try readList(&reader, depth: 0)
    }

    private mutating func readList(
        _ reader: inout JSONReader, depth: Int
    ) throws(InferenceError) {
        guard depth < Self.depthMax else {
            throw InferenceError("the data of an input is nested too deep")
        }
        // -1 until the end of the first list of its depth.
        if sides.count == depth { sides.append(-1) }
        var count = 0
        try reader.array("data") { (reader) throws(InferenceError) in
            count += 1
            if reader.peek() == UInt8(ascii: "[") {
                guard depth < innermost ?? Self.depthMax else { throw Self.ragged }
                try readList(&reader, depth: depth + 1)
            } else {
                guard depth == innermost ?? depth else { throw Self.ragged }
                innermost = depth
                if reader.peek() == UInt8(ascii: "\"") {
                    throw InferenceError("the data of an input holds strings; give numbers")
                }
                values.append(try reader.float())
            }
        }
        guard sides[depth] == -1 || sides[depth] == count else { throw Self.ragged }
        sides[depth] = count
    }

    private static let ragged = InferenceError(
        "the data of an input is ragged: its lists are of different lengths")

    /// The lists must be the axes of the shape, or there is one list with all values.
    func check(_ input: InferenceRequest.Input) throws(InferenceError) {
        guard input.datatype != .bytes else {
            throw InferenceError("the input \(input.name) has the datatype BYTES; give numbers")
        }
        guard sides.count > 1, !values.isEmpty, sides != input.shape else { return }
        throw InferenceError(
            "the data of the input \(input.name) is in lists of \(sides), and the shape is \(input.shape)"
        )
    }
}
