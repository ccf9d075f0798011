import System
import Testing
import WireProtocol
import ZeroMQ

/// An address with two free ports in a row, which a coordinator that is not there yet will bind.
func freeEndpoint() throws -> String {
    let context = try Context()
    for _ in 0..<100 {
        let first = try Socket(.router, in: context)
        let bound = try first.bind("tcp://127.0.0.1:0")
        guard let port = try first.lastPort(), port < UInt16.max else { continue }
        let second = try Socket(.router, in: context)
        if (try? second.bind("tcp://127.0.0.1:\(port + 1)")) != nil { return bound }
    }
    throw FakePeerError(description: "no two free ports in a row")
}

/// What a fake peer waited for in vain.
struct FakePeerError: Error, CustomStringConvertible {
    let description: String
}

/// A worker that the test plays itself, well or badly.
struct FakeWorker: ~Copyable {
    private let socket: Socket

    /// Plays a worker on a thread of its own, so that waiting blocks no other test.
    static func play<Result: Sendable>(
        _ endpoint: String, _ body: @escaping @Sendable (borrowing FakeWorker) throws -> Result
    ) async throws -> Result {
        let thread = try ThreadExecutor(name: "fake worker")
        return try await thread.run { try body(FakeWorker(endpoint)) }
    }

    /// - Parameter identity: of the connection; a later one takes the place of an earlier.
    init(_ endpoint: String, identity: [UInt8] = [], waitMilliseconds: Int32 = 20_000) throws {
        var options = SocketOptions()
        options.identity = identity
        options.receiveTimeoutMilliseconds = waitMilliseconds
        options.sendTimeoutMilliseconds = 20_000
        let socket = try Socket(.dealer, in: try Context(), options: options)
        try socket.connect(endpoint)
        self.socket = socket
    }

    func send(_ message: WorkerMessage) throws { try send(frames: message.encode()) }

    func send(frames: [[UInt8]]) throws {
        let isSent = try socket.send(frames.map { Frame($0) }, dontWait: false)
        try #require(isSent)
    }

    /// The next message that the body has a use for; heartbeats and the like are passed over.
    func await<Found>(
        _ what: String, _ pick: (CoordinatorMessage) -> Found?
    ) throws -> Found {
        while let frames = try socket.receive(dontWait: false) {
            if let found = pick(try CoordinatorMessage.decode(frames.map(\.bytes))) {
                return found
            }
        }
        throw FakePeerError(description: "no \(what) came")
    }

    /// Says hello and waits for the welcome.
    func join(name: String) throws {
        try send(.hello(Self.hello(name: name)))
        _ = try self.await("welcome") {
            if case .welcome(let welcome) = $0 { welcome } else { nil }
        }
    }

    /// Says hello until the features come, pretends to hold them, and waits for a lease; nil when the
    /// run is over.
    ///
    /// What is said while another connection of the same identity is being closed may be lost.
    func firstLease(name: String) throws -> BundleAssignment? {
        let hello = Self.hello(name: name)
        for _ in 0..<5 {
            try send(.hello(hello))
            let isServed = try? self.await("features or end") { message -> Bool? in
                switch message {
                case .features: true
                case .finished, .refused: false
                default: nil
                }
            }
            guard let isServed else { continue }
            guard isServed else { return nil }
            try send(.ready)
            return try nextLease()
        }
        throw FakePeerError(description: "nobody answered \(name)")
    }

    /// Pretends to hold all features, and waits for a lease.
    func lease() throws -> BundleAssignment {
        _ = try self.await("features") { if case .features(let found) = $0 { found } else { nil } }
        try send(.ready)
        return try self.await("lease") { if case .assign(let found) = $0 { found } else { nil } }
    }

    /// The next lease, or nil when the run is over or this worker is sent away.
    func nextLease() throws -> BundleAssignment? {
        try self.await("lease or end") { message -> BundleAssignment?? in
            switch message {
            case .assign(let found): .some(found)
            case .finished, .refused: .some(nil)
            default: nil
            }
        }
    }

    /// Reads and says nothing until nothing has come for the receive timeout.
    func stayConnected() throws {
        while try socket.receive(dontWait: false) != nil {}
    }

    func refusal() throws -> Refused {
        try self.await("refusal") { if case .refused(let found) = $0 { found } else { nil } }
    }

    static func hello(name: String) -> Hello {
        Hello(
            incarnation: UInt64.random(in: 1...UInt64.max), name: name, host: "nowhere",
            isa: "scalar", threadCount: 1, slotCount: 1, processID: 1)
    }
}

extension [[UInt8]] {
    /// The message as a program of another protocol version would send it.
    ///
    /// Of a field that comes twice the last one counts: field 1, a varint, is the version.
    func ofVersion(_ version: UInt8) -> [[UInt8]] {
        enumerated().map { $0.offset == 0 ? $0.element + [0x08, version] : $0.element }
    }
}
