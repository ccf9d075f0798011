import InferenceProtocol
import Numerics

/// Models and requests that several suites use.
enum Samples {
    static var names: ModelDescription {
        get throws(InferenceError) {
            try description("pets", .features(3), ["cat", "dög \"x\"", "鳥"])
        }
    }
    static var numbers: ModelDescription {
        get throws(InferenceError) { try description("numbers", .features(2), ["10", "-3", "30"]) }
    }
    static var grey: ModelDescription {
        get throws(InferenceError) {
            try description("grey", .images(channelCount: 1, height: 8, width: 8))
        }
    }
    static var colour: ModelDescription {
        get throws(InferenceError) {
            try description("colour", .images(channelCount: 3, height: 8, width: 9))
        }
    }

    static func description(
        _ name: String, _ input: ModelDescription.Input, _ classes: [String] = ["a", "b", "c"]
    ) throws(InferenceError) -> ModelDescription {
        try ModelDescription(
            name: name, input: input, classNames: classes, schemes: ["tree", "dag"])
    }

    /// A body of one input, whose fields are given as JSON.
    static func body(_ input: String, _ rest: String = "") -> [UInt8] {
        Array(#"{"inputs":[{\#(input)}]\#(rest)}"#.utf8)
    }

    static func features(
        _ shape: [Int], _ data: String, datatype: String = "FP32", _ rest: String = ""
    ) -> [UInt8] {
        body(
            #""name":"features","shape":\#(shape),"datatype":"\#(datatype)","data":\#(data)"#, rest)
    }

    /// A body with one binary input, and how much of it is JSON.
    static func binary(
        _ shape: [Int], _ datatype: String, _ bytes: [UInt8], name: String = "features",
        _ rest: String = ""
    ) -> (body: [UInt8], length: String) {
        let json = body(
            #""name":"\#(name)","shape":\#(shape),"datatype":"\#(datatype)","parameters":{"binary_data_size":\#(bytes.count)}"#,
            rest)
        return (json + bytes, "\(json.count)")
    }

    /// The rows that a body asks a model about.
    static func rows(
        _ body: [UInt8], _ length: String? = nil, of model: ModelDescription? = nil
    ) throws -> InferenceRows {
        try InferenceRequest(body: body, length: length).rows(for: model ?? names)
    }

    static func values(
        _ body: [UInt8], _ length: String? = nil, of model: ModelDescription? = nil
    ) throws -> [Float]? {
        guard case .features(let matrix) = try rows(body, length, of: model) else { return nil }
        return matrix.values
    }
}
