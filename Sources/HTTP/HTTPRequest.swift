/// A request, complete.
package struct HTTPRequest: Sendable, Hashable {
    /// A header; names are in small letters.
    package struct Header: Sendable, Hashable {
        /// As in `content-type`.
        package let name: String
        /// Without spaces around it.
        package let value: String

        /// A header.
        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// As in `POST`.
    package let method: String
    /// What is asked for, still percent-encoded, without `?` and what follows.
    package let path: String
    /// In the order they came.
    package let headers: [Header]
    /// The body, unpacked if it came in chunks.
    package let body: [UInt8]
    /// Whether the connection stays open after the answer.
    package let keepsConnection: Bool

    /// A request of these parts.
    package init(
        method: String, path: String, headers: [Header] = [], body: [UInt8] = [],
        keepsConnection: Bool = true
    ) {
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self.keepsConnection = keepsConnection
    }

    /// The value of the first header of that name, which is in small letters.
    package func header(_ name: String) -> String? {
        headers.first { $0.name == name }?.value
    }
}

/// A request that cannot be read: what is answered before the connection is closed.
package struct HTTPFailure: Error, Sendable, Hashable {
    /// The status of the answer.
    package let status: Int
    /// One sentence.
    package let message: String

    init(_ status: Int, _ message: String) {
        self.status = status
        self.message = message
    }
}
