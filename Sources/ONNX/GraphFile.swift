package import Formats
import Foundation
import SwiftProtobuf

/// A graph as a file of ONNX, streamed: weights are made while they are written.
package struct GraphFile: Sendable {
    /// The version of operators: of March 2024, which runtimes of two years ago read.
    package static let operatorSetVersion = 21
    /// The version of the format, of the same time; a runtime refuses any above its own.
    package static let formatVersion = 10
    /// A message of protobuf is below 2 GiB.
    private static let byteCountMax = Int(Int32.max)

    private let model: ProtoModelProto
    private let constants: [(name: String, tensor: GraphTensor)]
    /// The graph's own bytes, without constants.
    private let graph: [UInt8]
    /// By constant, all of its message before its raw bytes.
    private let headers: [[UInt8]]

    /// How many bytes the file has.
    package let byteCount: Int
    /// What the graph reads.
    package let inputs: [Port]
    /// What it gives, in this order.
    package let outputs: [Port]

    /// An input or output.
    package struct Port: Sendable, Hashable {
        /// Its name.
        package let name: String
        /// As NumPy names it: float32, uint8, int64 or string.
        package let type: String
        /// Numbers, and the name of the one that differs from call to call.
        package let shape: [String]

        fileprivate init(_ info: ProtoValueInfoProto) {
            let tensor = info.type.tensorType
            name = info.name
            type =
                switch ProtoTensorProto.DataType(rawValue: Int(tensor.elemType)) {
                case .float: "float32"
                case .uint8: "uint8"
                case .int64: "int64"
                default: "string"
                }
            shape = tensor.shape.dim.map { $0.dimParam.isEmpty ? "\($0.dimValue)" : $0.dimParam }
        }
    }

    /// A file of what a builder collected.
    ///
    /// - Parameters:
    ///   - version: of this program.
    ///   - metadata: what else a reader may want to know, in this order.
    /// - Throws: `FormatError` when a file of ONNX cannot hold so much.
    init(
        _ builder: GraphBuilder, version: String, metadata: [(key: String, value: String)]
    ) throws(FormatError) {
        var model = ProtoModelProto()
        model.irVersion = Int64(Self.formatVersion)
        model.producerName = "manyheads"
        model.producerVersion = version
        var operators = ProtoOperatorSetIdProto()
        operators.domain = ""
        operators.version = Int64(Self.operatorSetVersion)
        model.opsetImport = [operators]
        model.metadataProps = metadata.map { key, value in
            var entry = ProtoStringStringEntryProto()
            entry.key = key
            entry.value = value
            return entry
        }
        var graph = ProtoGraphProto()
        graph.name = "classifier"
        graph.node = builder.nodes
        graph.input = builder.inputs
        graph.output = builder.outputs
        self.model = model
        inputs = builder.inputs.map { Port($0) }
        outputs = builder.outputs.map { Port($0) }
        constants = builder.constants
        self.graph = Self.bytes(graph)
        headers = builder.constants.map { Self.header($0.name, $0.tensor) }
        byteCount = Self.fileByteCount(model, self.graph, headers, constants)
        guard byteCount <= Self.byteCountMax else {
            throw FormatError(
                .malformed,
                "the graph would take \(byteCount) bytes, and a file of ONNX has less than 2 GiB; export another --scheme, or --format npz"
            )
        }
    }

    /// Writes the file, whole or not at all.
    ///
    /// - Throws: `FormatError` when it cannot be written.
    package func write(to path: String) throws(FormatError) {
        try AtomicFile.write(to: path) { (output) throws(FormatError) in
            try output.append(Self.bytes(model))
            // Fields of messages may come in any order, so the graph comes last, and in it constants.
            let length = Self.graphByteCount(graph, headers, constants)
            try output.append(Self.prefix(field: 7, byteCount: length) + graph)
            for (header, (_, tensor)) in zip(headers, constants) {
                let raw = tensor.rawByteCount
                try output.append(
                    Self.prefix(field: 5, byteCount: header.count + (raw ?? 0)) + header)
                try tensor.writeRaw(to: output)
            }
        }
    }
}

extension GraphFile {
    private static func bytes(_ message: some SwiftProtobuf.Message) -> [UInt8] {
        // Nothing here can fail: no field is required, and texts are Swift's.
        (try? message.serializedBytes()) ?? []
    }

    /// The tag and length of a field that is a message or bytes.
    private static func prefix(field: Int, byteCount: Int) -> [UInt8] {
        varint(field << 3 | 2) + varint(byteCount)
    }

    private static func varint(_ value: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = UInt64(value)
        repeat {
            bytes.append(UInt8(rest & 0x7F) | (rest > 0x7F ? 0x80 : 0))
            rest >>= 7
        } while rest > 0
        return bytes
    }

    /// The message of a constant up to its raw bytes, which follow at once.
    private static func header(_ name: String, _ tensor: GraphTensor) -> [UInt8] {
        var message = ProtoTensorProto()
        message.name = name
        message.dims = tensor.shape.map { Int64($0) }
        message.dataType = tensor.type.code
        if case .texts(let texts) = tensor.content {
            message.stringData = texts.map { Data($0.utf8) }
        }
        return bytes(message) + (tensor.rawByteCount.map { prefix(field: 9, byteCount: $0) } ?? [])
    }

    private static func graphByteCount(
        _ graph: [UInt8], _ headers: [[UInt8]], _ constants: [(name: String, tensor: GraphTensor)]
    ) -> Int {
        zip(headers, constants).reduce(graph.count) { sum, part in
            let length = part.0.count + (part.1.tensor.rawByteCount ?? 0)
            return sum + prefix(field: 5, byteCount: length).count + length
        }
    }

    private static func fileByteCount(
        _ model: ProtoModelProto, _ graph: [UInt8], _ headers: [[UInt8]],
        _ constants: [(name: String, tensor: GraphTensor)]
    ) -> Int {
        let length = graphByteCount(graph, headers, constants)
        return bytes(model).count + prefix(field: 7, byteCount: length).count + length
    }
}

extension GraphTensor {
    fileprivate var type: ValueType {
        switch content {
        case .floats, .rows: .float
        case .doubles: .double
        case .integers: .integer
        case .texts: .text
        }
    }

    /// Bytes of the values as they lie in the file; nil for texts, which are fields of their own.
    fileprivate var rawByteCount: Int? {
        switch content {
        case .floats, .rows: shape.reduce(4, *)
        case .doubles, .integers: shape.reduce(8, *)
        case .texts: nil
        }
    }

    fileprivate func writeRaw(to output: borrowing AtomicFile.Output) throws(FormatError) {
        switch content {
        case .floats(let values): try output.append(values)
        case .doubles(let values):
            try output.append(values.flatMap { Self.littleEndian($0.bitPattern) })
        case .integers(let values):
            try output.append(values.flatMap { Self.littleEndian(UInt64(bitPattern: $0)) })
        case .texts: break
        case .rows(let rows):
            for index in 0..<rows.rowCount { try output.append(rows[index]) }
        }
    }

    private static func littleEndian(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
}
