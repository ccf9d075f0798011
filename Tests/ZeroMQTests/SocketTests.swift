import Synchronization
import Testing
import ZeroMQ

/// Sockets over inproc and loopback TCP.
@Suite(.timeLimit(.minutes(4))) struct SocketTests {
    /// Waits for a message, for as long as the test may run.
    private func receive(_ socket: borrowing Socket) throws -> [Frame] {
        try #require(try socket.receive(dontWait: false))
    }

    private func frames(_ texts: String...) -> [Frame] {
        texts.map { Frame(Array($0.utf8)) }
    }

    @Test(arguments: ["inproc://multipart", "tcp://127.0.0.1:0"])
    func messagesKeepTheirParts(endpoint: String) throws {
        let context = try Context()
        let router = try Socket(.router, in: context)
        let bound = try router.bind(endpoint)
        var options = SocketOptions()
        options.identity = Array("w1".utf8)
        let dealer = try Socket(.dealer, in: context, options: options)
        try dealer.connect(bound)
        let large = [UInt8](repeating: 7, count: 100_000)
        let isSent = try dealer.send([Frame([1, 2]), Frame([]), Frame(large)])
        #expect(isSent)
        let request = try receive(router)
        #expect(request.map(\.bytes) == [Array("w1".utf8), [1, 2], [], large])
        // A received frame can be sent on, more than once.
        let isAnswered = try router.send([request[0], request[3], request[3]])
        #expect(isAnswered)
        let answer = try receive(dealer)
        #expect(answer == [Frame(large), Frame(large)])
        let none = try dealer.receive()
        #expect(none == nil)
    }

    @Test func portZeroIsResolved() throws {
        let context = try Context()
        let router = try Socket(.router, in: context)
        let bound = try router.bind("tcp://127.0.0.1:0")
        let port = try #require(try router.lastPort())
        #expect(port != 0)
        #expect(bound == "tcp://127.0.0.1:\(port)")
        let pair = try Socket(.pair, in: context)
        try pair.bind("inproc://noport")
        let none = try pair.lastPort()
        #expect(none == nil)
    }

    @Test func aTakenPortSaysSo() throws {
        let context = try Context()
        let first = try Socket(.router, in: context)
        let bound = try first.bind("tcp://127.0.0.1:0")
        let second = try Socket(.router, in: context)
        let error = #expect(throws: ZeroMQError.self) { try second.bind(bound) }
        #expect(error?.code == .addressInUse)
        #expect(
            error?.message == "address already in use: \(bound); choose another port with --bind")
    }

    @Test(arguments: ["nonsense", "tcp://", "tcp://127.0.0.1", "smoke://signal", ""])
    func badEndpointsAreRefused(endpoint: String) throws {
        let context = try Context()
        let socket = try Socket(.router, in: context)
        let bindError = #expect(throws: ZeroMQError.self) { try socket.bind(endpoint) }
        #expect(bindError?.code == .badEndpoint)
        let connectError = #expect(throws: ZeroMQError.self) { try socket.connect(endpoint) }
        #expect(connectError?.code == .badEndpoint)
    }

    @Test func anUnknownPeerIsUnroutable() throws {
        let context = try Context()
        let router = try Socket(.router, in: context)
        try router.bind("inproc://unroutable")
        let error = #expect(throws: ZeroMQError.self) {
            try router.send([Frame([9, 9]), Frame([1])])
        }
        #expect(error?.code == .unroutable)
        // The socket is still good: the refused message left nothing behind.
        var options = SocketOptions()
        options.identity = [9, 9]
        let dealer = try Socket(.dealer, in: context, options: options)
        try dealer.connect("inproc://unroutable")
        let isSent = try dealer.send([Frame([3])])
        #expect(isSent)
        _ = try receive(router)
        let isAnswered = try router.send([Frame([9, 9]), Frame([4])])
        #expect(isAnswered)
        let answer = try receive(dealer)
        #expect(answer == [Frame([4])])
    }

    @Test func aFullQueueAnswersFalse() throws {
        let context = try Context()
        var options = SocketOptions()
        options.sendHighWaterMark = 2
        options.receiveHighWaterMark = 2
        let left = try Socket(.pair, in: context, options: options)
        let right = try Socket(.pair, in: context, options: options)
        try left.bind("inproc://full")
        try right.connect("inproc://full")
        var sentCount = 0
        while try left.send([Frame([UInt8(sentCount)]), Frame([0])]) { sentCount += 1 }
        #expect(sentCount == 4)
        for index in 0..<sentCount {
            let message = try receive(right)
            #expect(message == [Frame([UInt8(index)]), Frame([0])])
        }
        let rest = try right.receive()
        #expect(rest == nil)
    }

    @Test func tooManyPartsAreThrownAway() throws {
        let context = try Context()
        var options = SocketOptions()
        options.receivedPartCountMax = 3
        options.receivedByteCountMax = 1_000
        let router = try Socket(.router, in: context, options: options)
        try router.bind("inproc://parts")
        var dealerOptions = SocketOptions()
        dealerOptions.identity = [5]
        let dealer = try Socket(.dealer, in: context, options: dealerOptions)
        try dealer.connect("inproc://parts")
        for message in [
            [Frame](repeating: Frame([1]), count: 40),
            [Frame([UInt8](repeating: 0, count: 1_000)), Frame([1])],
        ] {
            let isSent = try dealer.send(message)
            #expect(isSent)
            let error = #expect(throws: ZeroMQError.self) { try receive(router) }
            #expect(error?.code == .messageTooLarge)
            #expect(error?.peer == [5])
        }
        let isSent = try dealer.send(frames("a", "b"))
        #expect(isSent)
        let message = try receive(router)
        #expect(message == [Frame([5])] + frames("a", "b"))
    }

    @Test func anOversizePartDropsTheConnection() throws {
        let context = try Context()
        var options = SocketOptions()
        options.maxMessageSize = 1_000
        let router = try Socket(.router, in: context, options: options)
        let bound = try router.bind("tcp://127.0.0.1:0")
        let attacker = try Socket(.dealer, in: context)
        try attacker.connect(bound)
        let isSent = try attacker.send([Frame([UInt8](repeating: 0, count: 1_001))])
        #expect(isSent)
        let peer = try Socket(.dealer, in: context)
        try peer.connect(bound)
        let isSecondSent = try peer.send([Frame([UInt8](repeating: 1, count: 1_000))])
        #expect(isSecondSent)
        let message = try receive(router)
        #expect(message.count == 2)
        #expect(message.last?.count == 1_000)
        let rest = try router.receive()
        #expect(rest == nil)
    }

    @Test func broadcastReachesSubscribers() throws {
        let context = try Context()
        var options = SocketOptions()
        options.xpubVerboser = true
        let publisher = try Socket(.xpub, in: context, options: options)
        let bound = try publisher.bind("tcp://127.0.0.1:0")
        let first = try Socket(.sub, in: context)
        let second = try Socket(.sub, in: context)
        try first.connect(bound)
        try first.subscribe(Array("F".utf8))
        try second.connect(bound)
        try second.subscribe(Array("F".utf8))
        for _ in 0..<2 {
            let change = SubscriptionChange(try receive(publisher))
            #expect(change == .subscribed(topic: Array("F".utf8)))
        }
        let isSent = try publisher.send(frames("F", "payload"))
        #expect(isSent)
        let one = try receive(first)
        let two = try receive(second)
        #expect(one == frames("F", "payload"))
        #expect(two == one)
        try second.unsubscribe(Array("F".utf8))
        let change = SubscriptionChange(try receive(publisher))
        #expect(change == .unsubscribed(topic: Array("F".utf8)))
        #expect(SubscriptionChange(frames("F", "payload")) == nil)
        #expect(SubscriptionChange(frames("x")) == nil)
    }

    // The two answers to a slow subscriber: drop silently, or say that the queue is full.
    @Test(arguments: [false, true]) func aSlowSubscriber(noDrop: Bool) throws {
        let context = try Context()
        var options = SocketOptions()
        options.sendHighWaterMark = 2
        options.receiveHighWaterMark = 2
        options.xpubNoDrop = noDrop
        let publisher = try Socket(.xpub, in: context, options: options)
        try publisher.bind("inproc://slow-\(noDrop)")
        let subscriber = try Socket(.sub, in: context, options: options)
        try subscriber.connect("inproc://slow-\(noDrop)")
        try subscriber.subscribe([])
        _ = try receive(publisher)
        var acceptedCount = 0
        for index in 0..<10 {
            if try publisher.send([Frame([UInt8(index)])]) { acceptedCount += 1 }
        }
        #expect(acceptedCount == (noDrop ? 4 : 10))
        var received: [Frame] = []
        while let message = try subscriber.receive() { received += message }
        #expect(received.map(\.bytes) == [[0], [1], [2], [3]])
    }

    // A worker that restarts under its old identity takes the place of its former connection.
    @Test func aHandoverReplacesTheConnection() throws {
        let context = try Context()
        var options = SocketOptions()
        options.routerHandover = true
        let router = try Socket(.router, in: context, options: options)
        let bound = try router.bind("tcp://127.0.0.1:0")
        var dealerOptions = SocketOptions()
        dealerOptions.identity = Array("w".utf8)
        let former = try Socket(.dealer, in: context, options: dealerOptions)
        try former.connect(bound)
        let isSent = try former.send(frames("old"))
        #expect(isSent)
        _ = try receive(router)
        let latter = try Socket(.dealer, in: context, options: dealerOptions)
        try latter.connect(bound)
        let isSecondSent = try latter.send(frames("new"))
        #expect(isSecondSent)
        let second = try receive(router)
        #expect(second == frames("w", "new"))
        let isAnswered = try router.send(frames("w", "for the new"))
        #expect(isAnswered)
        let answer = try receive(latter)
        #expect(answer == frames("for the new"))
        let nothing = try former.receive()
        #expect(nothing == nil)
    }

    @Test func shutdownEndsAWait() throws {
        let context = try Context()
        let socket = try Socket(.dealer, in: context)
        try socket.bind("inproc://shutdown")
        context.shutdown()
        let error = #expect(throws: ZeroMQError.self) { try socket.receive(dontWait: false) }
        #expect(error?.code == .terminated)
    }

    @Test func aTimeoutReceivesNil() throws {
        let context = try Context()
        var options = SocketOptions()
        options.receiveTimeoutMilliseconds = 1
        let socket = try Socket(.dealer, in: context, options: options)
        try socket.bind("inproc://timeout")
        let message = try socket.receive(dontWait: false)
        #expect(message == nil)
    }

    @Test func theLibraryHasAVersion() {
        #expect(Context.libraryVersion.split(separator: ".").count == 3)
    }
}
