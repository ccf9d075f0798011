/// What a request asks for, by its method and path.
package enum InferenceRoute: Hashable, Sendable {
    /// Whether the server runs.
    case live
    /// Whether it takes requests.
    case ready
    /// What the server is.
    case server
    /// The models there are.
    case models
    /// The models there are, as Triton lists them.
    case repositoryIndex
    /// What a model is.
    case model(String)
    /// Whether a model takes requests.
    case modelReady(String)
    /// Predictions of a model.
    case infer(String)

    /// Understands a request.
    ///
    /// - Parameter path: percent-encoded, without a query.
    /// - Throws: ``InferenceError`` of status 404 for an unknown path, 405 for another method.
    package init(method: String, path: String) throws(InferenceError) {
        var parts: [String] = []
        for part in path.split(separator: "/", omittingEmptySubsequences: true) {
            guard let text = Self.decoded(part) else { throw Self.unknown(path) }
            parts.append(text)
        }
        guard parts.first == "v2" else { throw Self.unknown(path) }
        parts.removeFirst()
        // `/versions/V` may follow the name; there is one version.
        if parts.count >= 4, parts[0] == "models", parts[2] == "versions" {
            guard parts[3] == ModelDescription.version else {
                throw InferenceError(
                    status: 404,
                    "the model \(parts[1]) has no version \(parts[3]); it has \(ModelDescription.version)"
                )
            }
            parts.removeSubrange(2...3)
        }
        let count = parts.count
        switch (parts.first, count) {
        case (nil, _): self = .server
        case ("health", 2) where parts[1] == "live": self = .live
        case ("health", 2) where parts[1] == "ready": self = .ready
        case ("models", 1): self = .models
        case ("repository", 2) where parts[1] == "index": self = .repositoryIndex
        case ("models", 2): self = .model(parts[1])
        case ("models", 3) where parts[2] == "ready": self = .modelReady(parts[1])
        case ("models", 3) where parts[2] == "infer": self = .infer(parts[1])
        default: throw Self.unknown(path)
        }
        guard methods.contains(method) else {
            throw InferenceError(
                methods: methods, "\(path) is asked with \(methods[0]), not with \(method)")
        }
    }

    /// The path of a model, percent-encoded.
    package static func path(ofModel name: String) -> String {
        name.utf8.reduce(into: "/v2/models/") { path, byte in
            let character = Character(Unicode.Scalar(byte))
            // What RFC 3986, 2.3, leaves as it is.
            if character.isASCII && (character.isLetter || character.isNumber)
                || "-._~".contains(character)
            {
                path.append(character)
            } else {
                path += byte < 16 ? "%0" : "%"
                path += String(byte, radix: 16, uppercase: true)
            }
        }
    }

    /// How it is asked for, the usual method first.
    package var methods: [String] {
        switch self {
        case .infer: ["POST"]
        case .repositoryIndex: ["POST", "GET"]
        default: ["GET", "HEAD"]
        }
    }

    private static func unknown(_ path: String) -> InferenceError {
        InferenceError(
            status: 404,
            "there is nothing at \(path.prefix(200)); models are at /v2/models/NAME")
    }

    /// A part of a path without its percent-encoding; nil where that is malformed.
    private static func decoded(_ part: Substring) -> String? {
        guard part.contains("%") else { return String(part) }
        var bytes: [UInt8] = []
        var rest = Array(part.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2,
                let digits = String(validating: rest.prefix(2), as: UTF8.self),
                digits.allSatisfy(\.isHexDigit), let value = UInt8(digits, radix: 16)
            else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

/// Answers that hold no predictions.
package enum InferenceText {
    /// `/v2`.
    package static func server(version: String) -> [UInt8] {
        var json = JSONText()
        json.raw(#"{"name":"manyheads","version":"#)
        json.string(version)
        json.raw(#","extensions":["binary_tensor_data","classification","model_repository"]}"#)
        return json.bytes
    }

    /// `/v2/health/live`.
    package static let live = Array(#"{"live":true}"#.utf8)

    /// `/v2/health/ready`.
    package static func ready(_ isReady: Bool) -> [UInt8] { Array(#"{"ready":\#(isReady)}"#.utf8) }

    /// `/v2/models/NAME/ready`.
    package static func modelReady(_ name: String) -> [UInt8] {
        var json = JSONText()
        json.raw(#"{"name":"#)
        json.string(name)
        json.raw(#","ready":true}"#)
        return json.bytes
    }

    /// `/v2/models`.
    package static func models(_ names: [String]) -> [UInt8] {
        var json = JSONText()
        json.raw(#"{"models":"#)
        json.list(names) { $0.string($1) }
        json.raw("}")
        return json.bytes
    }

    /// `/v2/repository/index`.
    package static func repositoryIndex(_ names: [String]) -> [UInt8] {
        var json = JSONText()
        json.list(names) { json, name in
            json.raw(#"{"name":"#)
            json.string(name)
            json.raw(#","version":"\#(ModelDescription.version)","state":"READY","reason":""}"#)
        }
        return json.bytes
    }
}
