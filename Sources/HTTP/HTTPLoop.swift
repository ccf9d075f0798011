import System

/// One thread of a server.
struct HTTPLoop {
    /// Connections taken at one time.
    private static let readyCountMax = 64
    /// Bytes read at one time, and from one connection before others have their turn.
    private static let blockByteCount = 64 << 10
    private static let turnByteCount = 1 << 20
    private static let continuation = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

    private let server: HTTPServer
    private let service: any HTTPService
    private var ready = ReadinessPoll.Ready(countMax: readyCountMax)
    private var block = [UInt8](repeating: 0, count: blockByteCount)
    /// Requests that are complete.
    private var requests: [(connection: HTTPConnection, request: HTTPRequest)] = []

    init(_ server: HTTPServer, _ service: any HTTPService) {
        self.server = server
        self.service = service
    }

    /// Serves until the server is over.
    consuming func run() {
        while !server.isOver {
            let isBusy = !requests.isEmpty || !server.queue.isEmpty
            let patience: Int32 = isBusy ? 0 : server.isStopping ? 20 : 1_000
            server.poll.wait(&ready, milliseconds: patience)
            for descriptor in ready.descriptors { serve(descriptor) }
            answer()
            doPart()
            server.sweep()
        }
        // The others wait too.
        server.poll.wake()
    }

    private mutating func serve(_ descriptor: Int32) {
        if server.isListener(descriptor) {
            server.acceptAll { connection in
                // No bytes of it are looked at.
                deliver(HTTPFailure(503, "too many connections; try again later"), to: connection)
            }
        } else if let connection = server.connection(descriptor) {
            switch connection.phase {
            case .idle, .reading: read(connection)
            case .answering: flush(connection)
            case .ending: discard(connection)
            // Not armed.
            case .working: break
            }
        }
    }

    private mutating func read(_ connection: HTTPConnection) {
        var count = 0
        while count < Self.turnByteCount, !connection.isAtEnd {
            let reading = unsafe block.withUnsafeMutableBytes {
                unsafe connection.socket.receive(into: $0)
            }
            guard case .bytes(let received) = reading else {
                connection.isAtEnd = reading == .end
                break
            }
            count += received
            unsafe block.withUnsafeBytes {
                unsafe connection.reader.append(
                    UnsafeRawBufferPointer(rebasing: $0[..<received]))
            }
            if received < block.count { break }
        }
        if count > 0, connection.phase == .idle {
            connection.enter(.reading, until: deadline(server.limits.requestSeconds))
        }
        guard server.hold(connection, connection.reader.byteCount) else {
            deliver(
                HTTPFailure(503, "all requests together are too large; try again later"),
                to: connection)
            return
        }
        proceed(connection)
    }

    /// Takes the next request of a connection, or waits for more of it.
    private mutating func proceed(_ connection: HTTPConnection) {
        do throws(HTTPFailure) {
            if let request = try connection.reader.next() {
                connection.enter(.working, until: .max)
                requests.append((connection, request))
                return
            }
        } catch {
            deliver(error, to: connection)
            return
        }
        guard !connection.isAtEnd else {
            if !connection.reader.isIdle, connection.deadline <= server.now {
                deliver(HTTPFailure(408, "the request took too long to arrive"), to: connection)
            } else {
                server.close(connection)
            }
            return
        }
        if connection.reader.takeContinue() {
            // 25 bytes on a connection on which nothing is under way: there is room.
            _ = connection.socket.send(Self.continuation, from: 0)
        }
        if connection.reader.isIdle {
            guard !server.isStopping else {
                server.close(connection)
                return
            }
            connection.enter(.idle, until: deadline(server.limits.idleSeconds))
        }
        server.poll.arm(connection.socket.descriptor, for: .reading)
    }

    private mutating func answer() {
        guard !requests.isEmpty else { return }
        let taken = requests
        requests.removeAll(keepingCapacity: true)
        let answers = service.answers(to: taken.map(\.request))
        precondition(answers.count == taken.count, "each request has an answer")
        for ((connection, request), answer) in zip(taken, answers) {
            switch answer {
            case .response(let response): deliver(response, to: request, on: connection)
            case .work(let work):
                server.queue.append(HTTPWorkQueue.Job(connection, request, work))
            }
        }
    }

    private mutating func doPart() {
        guard let (job, part, isLast) = server.queue.next() else { return }
        // Another thread may take the next part.
        if !isLast { server.poll.wake() }
        if job.perform(part) {
            deliver(job.work.finish(), to: job.request, on: job.connection)
        }
    }

    private mutating func deliver(
        _ response: HTTPResponse, to request: HTTPRequest, on connection: HTTPConnection
    ) {
        connection.closes =
            !request.keepsConnection || connection.isAtEnd || server.isStopping
        connection.answer = response.bytes(
            closes: connection.closes, hasBody: request.method != "HEAD")
        server.hold(connection, connection.reader.byteCount)
        flush(connection)
    }

    /// Says what is wrong, and ends the connection.
    private mutating func deliver(_ failure: HTTPFailure, to connection: HTTPConnection) {
        connection.closes = true
        connection.answer = service.answer(to: failure).bytes(closes: true)
        server.hold(connection, 0)
        flush(connection)
    }

    private mutating func flush(_ connection: HTTPConnection) {
        guard
            case .bytes(let count) = connection.socket.send(
                connection.answer, from: connection.sentCount)
        else {
            server.close(connection)
            return
        }
        connection.sentCount += count
        guard connection.sentCount == connection.answer.count else {
            if connection.phase != .answering || count > 0 {
                connection.enter(.answering, until: deadline(server.limits.answerSeconds))
            }
            server.poll.arm(connection.socket.descriptor, for: .writing)
            return
        }
        connection.answer = []
        connection.sentCount = 0
        if connection.closes {
            end(connection)
        } else {
            // What of the next request has arrived with this one is as old as it can be.
            connection.enter(.reading, until: deadline(server.limits.requestSeconds))
            proceed(connection)
        }
    }

    /// Closes a connection so that the other side gets the answer first.
    ///
    /// A connection that is closed with bytes unread is reset, and the answer on its way is lost. So the
    /// other side is told that no more comes, and what it still sends is thrown away until it closes.
    private func end(_ connection: HTTPConnection) {
        guard !connection.isAtEnd else {
            server.close(connection)
            return
        }
        connection.socket.endSending()
        connection.enter(.ending, until: deadline(server.limits.farewellSeconds))
        server.poll.arm(connection.socket.descriptor, for: .reading)
    }

    private mutating func discard(_ connection: HTTPConnection) {
        var count = 0
        while count < Self.turnByteCount {
            let reading = unsafe block.withUnsafeMutableBytes {
                unsafe connection.socket.receive(into: $0)
            }
            switch reading {
            case .bytes(let received): count += received
            case .none:
                server.poll.arm(connection.socket.descriptor, for: .reading)
                return
            case .end:
                server.close(connection)
                return
            }
        }
        server.poll.arm(connection.socket.descriptor, for: .reading)
    }

    private func deadline(_ seconds: Int) -> Int64 { server.now + Int64(seconds) * 1_000 }
}
