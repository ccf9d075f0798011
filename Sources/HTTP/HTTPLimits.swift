/// What a server takes from those who connect.
package struct HTTPLimits: Sendable {
    /// Bytes of a request before its body: the first line and the headers.
    package var headByteCountMax = 16 << 10
    /// Bytes of a request's body.
    package var bodyByteCountMax = 64 << 20
    /// Bytes of all requests that are being read or answered.
    package var totalByteCountMax = 512 << 20
    /// Connections at one time.
    package var connectionCountMax = 1_024
    /// Seconds from a request's first byte to its last.
    package var requestSeconds = 30
    /// Seconds for an answer to be taken.
    package var answerSeconds = 30
    /// Seconds that a connection may be open without a request.
    package var idleSeconds = 120
    /// Seconds after an answer that ends a connection, for the other side to close it.
    package var farewellSeconds = 2
    /// Seconds for requests in flight when the server stops.
    package var stopSeconds = 10

    /// The usual limits.
    package init() {}
}
