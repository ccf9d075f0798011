import Decoding
import Formats
import Numerics
import ONNX

/// What was written, for a person and for a script.
struct ExportReport {
    /// For a person, one line.
    let text: String
    /// For a script.
    let json: [String: JSONValue]

    /// Of a graph.
    init(file: String, scheme: Scheme, graph: GraphFile) {
        func list(_ ports: [GraphFile.Port]) -> String {
            ports.map { "\($0.name) \($0.type) [\($0.shape.joined(separator: ","))]" }
                .joined(separator: ", ")
        }
        func json(_ ports: [GraphFile.Port]) -> JSONValue {
            .array(
                ports.map { port in
                    .object([
                        "name": .string(port.name), "type": .string(port.type),
                        // Whole numbers but for the dimension that has a name.
                        "shape": .array(
                            port.shape.map { Int64($0).map { .integer($0) } ?? .string($0) }),
                    ])
                })
        }
        text =
            "\(file)  \(scheme.title)  \(graph.byteCount.counted("byte"))  opset \(GraphFile.operatorSetVersion)  from \(list(graph.inputs)) to \(list(graph.outputs))"
        self.json = [
            "file": .string(file), "format": .string(ExportOptions.Format.onnx.rawValue),
            "scheme": .string(scheme.rawValue), "bytes": .integer(Int64(graph.byteCount)),
            "opset": .integer(Int64(GraphFile.operatorSetVersion)),
            "ir_version": .integer(Int64(GraphFile.formatVersion)),
            "inputs": json(graph.inputs), "outputs": json(graph.outputs),
        ]
    }

    /// Of arrays.
    init(file: String, scheme: Scheme, arrays: [NPZ.Array]) {
        func shape(_ array: NPZ.Array) -> String {
            array.shape.map { "\($0)" }.joined(separator: ",")
        }
        text =
            "\(file)  \(scheme.title)  "
            + arrays.map { "\($0.name) [\(shape($0))]" }.joined(separator: ", ")
        json = [
            "file": .string(file), "format": .string(ExportOptions.Format.npz.rawValue),
            "scheme": .string(scheme.rawValue),
            "arrays": .array(
                arrays.map { array in
                    .object([
                        "name": .string(array.name), "type": .string(array.type),
                        "shape": .array(array.shape.map { .integer(Int64($0)) }),
                    ])
                }),
        ]
    }
}
