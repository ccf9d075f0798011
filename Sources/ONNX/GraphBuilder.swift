import Formats
import Foundation

/// A value in a graph that is being built: what a node gives, an input or a constant.
struct GraphValue: Hashable, Sendable {
    let name: String
}

/// Types of values that are named in a graph.
enum ValueType: Sendable {
    case float
    case double
    case byte
    case integer
    case text

    var code: Int32 {
        let type: ProtoTensorProto.DataType =
            switch self {
            case .float: .float
            case .double: .double
            case .byte: .uint8
            case .integer: .int64
            case .text: .string
            }
        return Int32(type.rawValue)
    }
}

/// Collects nodes and constants of one graph; each node comes after what it reads.
struct GraphBuilder {
    /// The name of the number of rows, which differs from call to call.
    static let rowDimension = "N"

    /// An attribute of a node.
    enum Attribute {
        case integer(Int)
        case integers([Int])
    }

    private(set) var nodes: [ProtoNodeProto] = []
    private(set) var constants: [(name: String, tensor: GraphTensor)] = []
    private(set) var inputs: [ProtoValueInfoProto] = []
    private(set) var outputs: [ProtoValueInfoProto] = []
    /// Small constants by what they hold, so that each is there once.
    private var known: [String: GraphValue] = [:]

    /// An input of rows.
    ///
    /// - Parameter shape: of one row.
    mutating func input(_ name: String, _ type: ValueType, rowShape: [Int]) -> GraphValue {
        inputs.append(Self.info(name, type, rowShape))
        return GraphValue(name: name)
    }

    /// Makes a value an output of rows under a name.
    mutating func output(
        _ value: GraphValue, named name: String, _ type: ValueType, rowShape: [Int] = []
    ) {
        outputs.append(Self.info(name, type, rowShape))
        append("Identity", [value], named: [name])
    }

    /// A constant; of small equal ones there is one.
    mutating func constant(_ tensor: GraphTensor) -> GraphValue {
        let key = tensor.smallKey
        if let key, let value = known[key] { return value }
        let value = GraphValue(name: "constant\(constants.count)")
        constants.append((value.name, tensor))
        if let key { known[key] = value }
        return value
    }

    /// A node of one output.
    mutating func add(
        _ operation: String, _ inputs: GraphValue..., with attributes: [String: Attribute] = [:]
    ) -> GraphValue {
        add(operation, inputs, outputCount: 1, with: attributes)[0]
    }

    /// A node that reads a value and a constant.
    mutating func add(
        _ operation: String, _ input: GraphValue, _ constants: GraphTensor...,
        with attributes: [String: Attribute] = [:]
    ) -> GraphValue {
        add(operation, [input] + constants.map { constant($0) }, outputCount: 1, with: attributes)[
            0]
    }

    /// A node of several outputs.
    mutating func add(
        _ operation: String, _ inputs: [GraphValue], outputCount: Int,
        with attributes: [String: Attribute] = [:]
    ) -> [GraphValue] {
        let names = (0..<outputCount).map { "value\(nodes.count).\($0)" }
        append(operation, inputs, named: names, with: attributes)
        return names.map { GraphValue(name: $0) }
    }

    private mutating func append(
        _ operation: String, _ inputs: [GraphValue], named outputs: [String],
        with attributes: [String: Attribute] = [:]
    ) {
        var node = ProtoNodeProto()
        node.name = "node\(nodes.count)"
        node.opType = operation
        node.input = inputs.map(\.name)
        node.output = outputs
        node.attribute = attributes.sorted { $0.key < $1.key }.map { name, value in
            var attribute = ProtoAttributeProto()
            attribute.name = name
            switch value {
            case .integer(let number):
                attribute.type = .int
                attribute.i = Int64(number)
            case .integers(let numbers):
                attribute.type = .ints
                attribute.ints = numbers.map { Int64($0) }
            }
            return attribute
        }
        nodes.append(node)
    }

    private static func info(
        _ name: String, _ type: ValueType, _ rowShape: [Int]
    ) -> ProtoValueInfoProto {
        var rows = ProtoTensorShapeProto.Dimension()
        rows.dimParam = rowDimension
        var info = ProtoValueInfoProto()
        info.name = name
        info.type.tensorType.elemType = type.code
        info.type.tensorType.shape.dim =
            [rows]
            + rowShape.map { length in
                var dimension = ProtoTensorShapeProto.Dimension()
                dimension.dimValue = Int64(length)
                return dimension
            }
        return info
    }
}

/// What many graphs say in more than one node.
extension GraphBuilder {
    /// A linear layer on rows: `[N, output]`.
    ///
    /// Weights lie output by output, as heads have them, in one two-dimensional constant: so a row's
    /// bits do not depend on its batch.
    mutating func product(_ rows: GraphValue, _ layer: LinearLayer) -> GraphValue {
        let weights = constant(
            GraphTensor([layer.weights.rowCount, layer.weights.columnCount], .rows(layer.weights)))
        let biases = constant(.floats(layer.biases))
        return add("Gemm", rows, weights, biases, with: ["transB": .integer(1)])
    }

    /// The numbers with 0 for NaN, over which runtimes disagree: of rows that are not numbers, all
    /// classes are equal.
    mutating func withoutNaN(_ value: GraphValue) -> GraphValue {
        let zero = constant(.float(0))
        return add("Where", add("IsNaN", value), zero, value)
    }

    /// The numbers with 0 for NaN, and infinities, which would differ by NaN, made finite.
    mutating func finite(_ value: GraphValue) -> GraphValue {
        add(
            "Clip", withoutNaN(value), .float(-.greatestFiniteMagnitude),
            .float(.greatestFiniteMagnitude))
    }

    /// The same numbers as another type.
    mutating func cast(_ value: GraphValue, to type: ValueType) -> GraphValue {
        add("Cast", value, with: ["to": .integer(Int(type.code))])
    }

    /// Columns from `range` of `[N, column]`.
    mutating func columns(_ value: GraphValue, _ range: Range<Int>) -> GraphValue {
        slice(value, range, axis: 1)
    }

    /// A range along an axis.
    mutating func slice(_ value: GraphValue, _ range: Range<Int>, axis: Int) -> GraphValue {
        add(
            "Slice", value, .integers([range.lowerBound]), .integers([range.upperBound]),
            .integers([axis]))
    }

    /// `[N, column]` with columns of zeros on both sides.
    mutating func padded(_ value: GraphValue, left: Int = 0, right: Int = 0) -> GraphValue {
        add("Pad", value, .integers([0, left, 0, right]))
    }

    /// `[N]` or `[N, column]` of one constant row for each row of `rows`.
    mutating func repeated(_ row: GraphTensor, forRowsOf rows: GraphValue) -> GraphValue {
        var shape = add(
            "Shape", [rows], outputCount: 1, with: ["start": .integer(0), "end": .integer(1)])[0]
        if row.shape.count > 1 {
            let widths = constant(.integers(row.shape.dropFirst()))
            shape = add("Concat", shape, widths, with: ["axis": .integer(0)])
        }
        return add("Expand", constant(row), shape)
    }

    /// The sum of each row of `[N, column]`: `[N, 1]`.
    ///
    /// It is a product with ones: a reduction's bits depend on how many rows there are in onnxruntime
    /// 1.32.
    mutating func rowSums(
        _ value: GraphValue, columnCount: Int, isDouble: Bool = false
    ) -> GraphValue {
        let ones: GraphTensor.Content =
            isDouble
            ? .doubles([Double](repeating: 1, count: columnCount))
            : .floats([Float](repeating: 1, count: columnCount))
        return add("MatMul", value, GraphTensor([columnCount, 1], ones))
    }

    /// Each row of `[N, column]` over its sum.
    mutating func normalized(
        _ value: GraphValue, columnCount: Int, isDouble: Bool = false
    ) -> GraphValue {
        let sums = rowSums(value, columnCount: columnCount, isDouble: isDouble)
        return add("Div", value, sums)
    }
}

extension GraphTensor {
    /// Values up to which a constant is looked for among those there are.
    private static let smallCountMax = 64

    /// What tells small constants apart; nil for large ones.
    fileprivate var smallKey: String? {
        switch content {
        case .floats(let values) where values.count <= Self.smallCountMax:
            "f\(shape)\(values.map(\.bitPattern))"
        case .doubles(let values) where values.count <= Self.smallCountMax:
            "d\(shape)\(values.map(\.bitPattern))"
        case .integers(let values) where values.count <= Self.smallCountMax:
            "i\(shape)\(values)"
        default: nil
        }
    }
}
