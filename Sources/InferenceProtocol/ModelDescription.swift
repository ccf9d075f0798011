/// What the protocol says of a model.
package struct ModelDescription: Sendable, Equatable {
    /// What a row is.
    package enum Input: Sendable, Equatable {
        /// So many features.
        case features(Int)
        /// An image.
        case images(channelCount: Int, height: Int, width: Int)
    }

    /// The only version there is of a model.
    package static let version = "1"

    /// As in the path; without a slash.
    package let name: String
    /// What a row is.
    package let input: Input
    /// The classes, by index.
    package let classNames: [String]
    /// The classes where all are whole numbers, which are then sent as such.
    let classNumbers: [Int]?
    /// What ``InferenceRequest/scheme`` may be, the usual one first.
    package let schemes: [String]

    /// A description.
    ///
    /// - Throws: ``InferenceError`` for a name that is refused by ``check(name:)``.
    package init(
        name: String, input: Input, classNames: [String], schemes: [String]
    ) throws(InferenceError) {
        try Self.check(name: name)
        self.name = name
        self.input = input
        self.classNames = classNames
        self.schemes = schemes
        let numbers = classNames.compactMap { name in
            Int(name).flatMap { String($0) == name ? $0 : nil }
        }
        classNumbers = numbers.count == classNames.count ? numbers : nil
    }

    /// A name must be able to stand in a path.
    ///
    /// - Throws: ``InferenceError`` for an empty name, for `.` and `..`, which clients leave out of
    ///   paths, and for one with a slash or a line end.
    package static func check(name: String) throws(InferenceError) {
        let fault: String
        if name.isEmpty {
            fault = "is empty"
        } else if name == "." || name == ".." {
            fault = "means a folder there"
        } else if name.contains("/") {
            fault = "has a slash"
        } else if name.contains(where: \.isNewline) {
            fault = "has a line end"
        } else {
            return
        }
        throw InferenceError(
            "a model cannot be served as '\(name)': its name is a part of paths, and this one \(fault); give it another name"
        )
    }

    /// The name and shape of the input, -1 for any number of rows.
    var inputTensor: (name: String, datatype: InferenceDatatype, shape: [Int]) {
        switch input {
        case .features(let count): ("features", .fp32, [-1, count])
        case .images(1, let height, let width): ("images", .uint8, [-1, height, width])
        case .images(let channelCount, let height, let width):
            ("images", .uint8, [-1, height, width, channelCount])
        }
    }

    /// `/v2/models/NAME`.
    package var metadata: [UInt8] {
        var json = JSONText()
        json.raw(#"{"name":"#)
        json.string(name)
        json.raw(#","versions":["\#(Self.version)"],"platform":"manyheads","inputs":["#)
        Self.write(inputTensor, &json)
        json.raw(#"],"outputs":"#)
        json.list(InferenceOutput.allCases) { json, output in
            let shape = output == .probabilities ? [-1, classNames.count] : [-1]
            Self.write((output.rawValue, output.datatype(self), shape), &json)
        }
        json.raw(#","parameters":{"schemes":"#)
        json.list(schemes) { $0.string($1) }
        json.raw(#","classes":"#)
        json.list(classNames) { $0.string($1) }
        json.raw("}}")
        return json.bytes
    }

    private static func write(
        _ tensor: (name: String, datatype: InferenceDatatype, shape: [Int]), _ json: inout JSONText
    ) {
        json.raw(#"{"name":"#)
        json.string(tensor.name)
        json.raw(#","datatype":"\#(tensor.datatype.rawValue)","shape":"#)
        json.list(tensor.shape) { $0.number($1) }
        json.raw("}")
    }
}
