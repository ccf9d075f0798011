/// What answers requests.
///
/// It is asked on the server's threads, which read and write too: what takes more than about a
/// millisecond is given back as ``HTTPAnswer/work(_:)``.
package protocol HTTPService: Sendable {
    /// Answers to requests that arrived together, in their order.
    func answers(to requests: [HTTPRequest]) -> [HTTPAnswer]

    /// The answer to a request that could not be read, or that finds no place.
    func answer(to failure: HTTPFailure) -> HTTPResponse
}

/// What a service says to a request.
package enum HTTPAnswer: Sendable {
    /// The answer.
    case response(HTTPResponse)
    /// Work that takes a while.
    case work(HTTPWork)
}

/// Work in parts, which any thread may do at any time, several at once.
///
/// Between two parts a thread looks after its connections, so parts are short.
package struct HTTPWork: Sendable {
    /// How many parts there are, 1 or more.
    package let partCount: Int
    /// Does a part, `0..<partCount`.
    package let part: @Sendable (Int) -> Void
    /// Makes the answer when all parts are done.
    package let finish: @Sendable () -> HTTPResponse

    /// Work of these parts; traps unless there is one at least.
    package init(
        partCount: Int, part: @escaping @Sendable (Int) -> Void,
        finish: @escaping @Sendable () -> HTTPResponse
    ) {
        precondition(partCount >= 1)
        self.partCount = partCount
        self.part = part
        self.finish = finish
    }
}
