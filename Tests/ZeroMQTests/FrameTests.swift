import Synchronization
import Testing
import ZeroMQ

/// Bytes that count how often they are freed, and wake whoever waits for it.
@safe
private final class Owner: @unchecked Sendable {
    // @unchecked: the bytes are written once, in init.
    let bytes: UnsafeMutableRawBufferPointer
    let releases: Releases

    init(byteCount: Int, value: UInt8, _ releases: Releases) {
        unsafe bytes = .allocate(byteCount: byteCount, alignment: 64)
        unsafe bytes.initializeMemory(as: UInt8.self, repeating: value)
        self.releases = releases
    }

    deinit {
        unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0xEE)
        unsafe bytes.deallocate()
        releases.count.wrappingAdd(1, ordering: .sequentiallyConsistent)
        releases.wakeup.signal()
    }
}

private final class Releases: Sendable {
    let count = Atomic<Int>(0)
    let wakeup: Wakeup

    init() throws {
        wakeup = try Wakeup()
    }

    var value: Int { count.load(ordering: .sequentiallyConsistent) }
}

@Suite(.timeLimit(.minutes(4))) struct FrameTests {
    @Test(arguments: [0, 1, 33, 34, 256, 257, 1 << 20])
    func copiesKeepTheirBytes(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        let frame = Frame(bytes)
        #expect(frame.count == count)
        #expect(frame.bytes == bytes)
        #expect(frame == Frame(bytes))
        #expect(frame != Frame(bytes + [0]))
        let sum = frame.withBytes { span in
            span.byteOffsets.reduce(0) {
                $0 + Int(unsafe span.unsafeLoad(fromByteOffset: $1, as: UInt8.self))
            }
        }
        #expect(sum == bytes.reduce(0) { $0 + Int($1) })
    }

    // Long enough for libzmq to point at, sent to two peers, and received over TCP.
    @Test func anOwnerIsReleasedOnceAfterTheLastUse() throws {
        let releases = try Releases()
        let context = try Context()
        let publisher = try Socket(.xpub, in: context)
        let bound = try publisher.bind("tcp://127.0.0.1:0")
        let first = try Socket(.sub, in: context)
        try first.connect(bound)
        try first.subscribe([])
        let subscription = try publisher.receive(dontWait: false)
        #expect(subscription != nil)
        do {
            let owner = Owner(byteCount: 500_000, value: 3, releases)
            let frame = unsafe Frame(owner: owner, bytes: UnsafeRawBufferPointer(owner.bytes))
            for _ in 0..<3 {
                let isSent = try publisher.send([frame])
                #expect(isSent)
            }
        }
        for _ in 0..<3 {
            let message = try #require(try first.receive(dontWait: false))
            #expect(message == [Frame([UInt8](repeating: 3, count: 500_000))])
        }
        _ = try poll([releases.wakeup.pollTarget], timeoutMilliseconds: nil)
        #expect(releases.value == 1)
    }

    // Every way a message can end without being sent releases its owner too.
    @Test func anOwnerIsReleasedWhenASendFails() throws {
        let releases = try Releases()
        let context = try Context()
        let router = try Socket(.router, in: context)
        try router.bind("inproc://release")
        var options = SocketOptions()
        options.immediate = true
        let dealer = try Socket(.dealer, in: context, options: options)
        do {
            let owner = Owner(byteCount: 10_000, value: 1, releases)
            let frame = unsafe Frame(owner: owner, bytes: UnsafeRawBufferPointer(owner.bytes))
            #expect(throws: ZeroMQError.self) { try router.send([frame, frame]) }
            let isSent = try dealer.send([frame])
            #expect(!isSent)
            #expect(releases.value == 0)
        }
        #expect(releases.value == 1)
    }

    @Test func aFrameOutlivesItsContext() throws {
        var kept: [Frame] = []
        do {
            let context = try Context()
            let left = try Socket(.pair, in: context)
            let right = try Socket(.pair, in: context)
            try left.bind("inproc://outlive")
            try right.connect("inproc://outlive")
            let isSent = try left.send([Frame([1]), Frame([UInt8](repeating: 2, count: 5_000))])
            #expect(isSent)
            kept = try #require(try right.receive(dontWait: false))
        }
        #expect(kept == [Frame([1]), Frame([UInt8](repeating: 2, count: 5_000))])
    }
}
