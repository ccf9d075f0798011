import Foundation
import Testing
import ZeroMQ

@Suite(.timeLimit(.minutes(4))) struct PollTests {
    @Test func findsTheSocketThatHasSomething() throws {
        let context = try Context()
        let left = try Socket(.pair, in: context)
        let right = try Socket(.pair, in: context)
        try left.bind("inproc://poll")
        try right.connect("inproc://poll")
        let targets = [left.pollTarget(.readable), right.pollTarget([.readable, .writable])]
        let idle = try poll(targets, timeoutMilliseconds: 0)
        #expect(idle == [[], .writable])
        let isSent = try right.send([Frame([1])])
        #expect(isSent)
        let events = try poll([left.pollTarget(.readable)], timeoutMilliseconds: nil)
        #expect(events == [.readable])
    }

    @Test func aTimeoutFindsNothing() throws {
        let wakeup = try Wakeup()
        let before = ContinuousClock.now
        let events = try poll([wakeup.pollTarget], timeoutMilliseconds: 20)
        #expect(events == [[]])
        #expect(before.duration(to: .now) >= .milliseconds(19))
    }

    @Test func anotherThreadEndsThePoll() throws {
        let wakeup = try Wakeup()
        // A thread of its own: the test's may be all the cooperative pool has.
        let thread = Thread { wakeup.signal() }
        thread.start()
        let context = try Context()
        let socket = try Socket(.dealer, in: context)
        try socket.bind("inproc://wake")
        let events = try poll(
            [socket.pollTarget(.readable), wakeup.pollTarget], timeoutMilliseconds: nil)
        #expect(events == [[], .readable])
        let isFirst = wakeup.drain()
        let isSecond = wakeup.drain()
        #expect(isFirst)
        #expect(!isSecond)
    }

    @Test func aClosedSocketsTargetDoesNotDangle() throws {
        let context = try Context()
        var targets: [PollTarget] = []
        do {
            let socket = try Socket(.dealer, in: context)
            try socket.bind("inproc://dangle")
            targets = [socket.pollTarget(.readable)]
        }
        let events = try poll(targets, timeoutMilliseconds: 0)
        #expect(events == [[]])
    }

    @Test func shutdownEndsAPoll() throws {
        let context = try Context()
        let socket = try Socket(.dealer, in: context)
        context.shutdown()
        let error = #expect(throws: ZeroMQError.self) {
            try poll([socket.pollTarget(.readable)], timeoutMilliseconds: nil)
        }
        #expect(error?.code == .terminated)
    }
}
