/// What is wrong with a request: the status of the answer, and one sentence.
package struct InferenceError: Error, Hashable, Sendable, CustomStringConvertible {
    /// As in 400.
    package let status: Int
    /// What was seen, then the cure.
    package let message: String

    /// The methods that a path has, where the status is 405; else none.
    package let allowedMethods: [String]

    /// An error of these parts.
    package init(status: Int = 400, _ message: String) {
        self.status = status
        self.message = message
        allowedMethods = []
    }

    /// An error of status 405: the path has these methods, the usual one first.
    package init(methods: [String], _ message: String) {
        status = 405
        self.message = message
        allowedMethods = methods
    }

    /// The sentence.
    package var description: String { message }

    /// The answer's body, as the protocol has it: `{"error": "a string"}`.
    package var body: [UInt8] { Self.body(message) }

    /// The body of an answer that tells of an error.
    package static func body(_ message: String) -> [UInt8] {
        var json = JSONText()
        json.raw(#"{"error":"#)
        json.string(message)
        json.raw("}")
        return json.bytes
    }
}
