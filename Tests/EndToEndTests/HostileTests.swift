import Foundation
import Heads
import Numerics
import RunFolder
import System
import TestSupport
import Testing
import WireProtocol
import ZeroMQ

extension EndToEndTests {
    /// A live coordinator that everybody attacks, and a worker whose coordinator is hostile.
    @Suite(.serialized, .timeLimit(.minutes(60))) struct HostileTests {
        /// What the coordinator may take beside what it takes in peace: what one peer may make it hold
        /// before it is cut, and the malloc's share.
        private static let memoryByteCountMax = 700 << 20

        /// What a worker may say before it holds features, which is to be damaged.
        ///
        /// Nobody gets a lease for it: to be given heads and to fail at them on purpose is for keys to
        /// keep out.
        private static let workerMessages: [[[UInt8]]] = {
            var result = SampleMessages.trained
            for number in 0..<8 as Range<UInt64> {
                var hello = FakeWorker.hello(name: "x\(number)")
                hello.incarnation = number
                result.append(WorkerMessage.hello(hello).encode())
                result.append(WorkerMessage.chunkRequest([0, 1, 2, Int(number) + 3]).encode())
                result.append(
                    WorkerMessage.heartbeat(
                        WorkerHeartbeat(
                            incarnation: number, busySeconds: 1, peakRSSByteCount: 1,
                            receivedByteCount: 1, runningBundles: [])
                    ).encode())
            }
            return result + [WorkerMessage.goodbye.encode()]
        }()

        // Goal: whatever is thrown at both ports of a live coordinator, it neither ends nor grows
        // without bound, and an honest worker that comes in the middle of it ends the run with the same
        // digest. Method: every attack at once, from threads of their own.
        @Test func aCoordinatorUnderSiege() async throws {
            let messageCount = fuzzCount(usual: 5_000)
            let connectionCount = isFuzzingHard ? 2_000 : 300
            let folder = try TemporaryDirectory()
            let reference = try await Lab.reference
            var job = reference.job
            // Not port 0: the broadcast is on the port after this one.
            job.bind = try freeEndpoint()
            try await job.beginWithBackbone(in: folder.path("run"))
            let process = try job.start(in: folder.path("run"), ["--min-workers", "2"])
            let address = try await endpoint(of: process)
            let port = try #require(UInt16(address.split(separator: ":").last ?? ""))
            try await process.line(containing: "waiting for workers")

            let crowd = try await Self.onThread("crowd") {
                try Self.gather(connectionCount, port)
            }
            async let flood: Void = Self.onThread("flood") {
                try Self.send(messageCount, to: address)
            }
            async let endless = Self.onThread("endless") { Self.sendEndlessly(to: port) }
            async let bulky = Self.onThread("bulky") { try Self.sendTooMuch(to: port) }
            let first = try startWorker(address, name: "first")
            try await flood
            #expect(try await endless)
            #expect(try await bulky)
            #expect(process.isRunning)
            // While it runs: nothing can be read of a process that has ended.
            let memory = try #require(ProcessEntry.peakRSSByteCount(of: process.identifier))
            let second = try startWorker(address, name: "second")
            #expect(try await process.exitStatus(within: .seconds(120)) == 0)
            for worker in [first, second] { #expect(try await worker.exitStatus() == 0) }
            let results = try RunDirectory.readResults(in: folder.path("run"))
            #expect(results.digests == reference.results.digests)
            #expect(crowd.count >= connectionCount * 3 / 4)
            print("\(messageCount) messages, \(crowd.count) connections, peak \(memory >> 20) MiB")
            #expect(memory < Self.memoryByteCountMax)
            // Said, and not once for each.
            #expect(process.standardError.contains("connections were cut"))
            #expect(process.lines.count < 2_000)
        }

        /// Connections that stop in every state of a handshake, and some after it, of both ports.
        private static func gather(_ count: Int, _ port: UInt16) throws -> [RawConnection] {
            var generator = SeededGenerator(seed: fuzzSeed)
            return (0..<count).compactMap { number in
                let target = port + UInt16(number % 2)
                // Few bytes fit on the way to it: whoever does not read holds up the other side.
                guard let peer = RawConnection(port: target, receiveByteCount: 2_048) else {
                    return nil
                }
                switch number % 8 {
                case 0, 1: break
                case 2, 3:
                    peer.send((0..<200).map { _ in UInt8.random(in: 0...255, using: &generator) })
                case 4, 5:
                    let length = Int.random(in: 1...64, using: &generator)
                    peer.send(Array(RawConnection.greeting.prefix(length)))
                case 6:
                    // A peer that says hello again and again, each time as another, and reads nothing.
                    _ = peer.greet(as: "DEALER")
                    for _ in 0..<20 {
                        let hello = WorkerMessage.hello(FakeWorker.hello(name: "deaf")).encode()
                        peer.send(RawConnection.frame(hello[0]))
                    }
                default:
                    // A subscriber of everything that never reads.
                    _ = peer.greet(as: "SUB")
                    peer.send(RawConnection.frame([1]))
                }
                return peer
            }
        }

        /// Damaged messages over some connections, each of them whole on the wire.
        private static func send(_ count: Int, to address: String) throws {
            var mutator = Mutator(workerMessages, seed: fuzzSeed)
            for _ in 0..<4 {
                var options = SocketOptions()
                options.sendTimeoutMilliseconds = 20_000
                let socket = try Socket(.dealer, in: try Context(), options: options)
                try socket.connect(address)
                for _ in 0..<count / 4 {
                    let frames = mutator.message().map { Frame($0) }
                    if !frames.isEmpty { _ = try socket.send(frames, dontWait: false) }
                }
            }
        }

        /// Parts of a message whose last part never comes: true if that is cut.
        private static func sendEndlessly(to port: UInt16) -> Bool {
            guard let peer = RawConnection(port: port), peer.greet(as: "DEALER") else {
                return false
            }
            let part = RawConnection.frame([UInt8](repeating: 1, count: 1 << 20), isLast: false)
            for _ in 0..<8_192 where !peer.send(part) { return true }
            return false
        }

        /// Frames that claim more than is taken: true if each is cut before its bytes are there.
        private static func sendTooMuch(to port: UInt16) throws -> Bool {
            var isCut = true
            for (target, type, claim) in [
                (port, "DEALER", 17 << 20), (port, "DEALER", 1 << 40), (port, "DEALER", .max),
                (port + 1, "SUB", 1_000), (port + 1, "SUB", 1 << 50),
            ] as [(UInt16, String, UInt64)] {
                guard let peer = RawConnection(port: target), peer.greet(as: type) else {
                    return false
                }
                peer.send(RawConnection.header(claiming: claim))
                isCut = isCut && peer.waitForHangUp()
            }
            return isCut
        }

        // Goal: whatever a coordinator sends, a worker neither crashes nor grows without bound, and goes
        // on to work for an honest one. Method: a router that answers as a coordinator would, so that
        // the worker comes into every state, and that sends damaged messages and demands the
        // impossible; then an honest coordinator takes its place.
        @Test func aWorkerWhoseCoordinatorIsHostile() async throws {
            let messageCount = fuzzCount(usual: 5_000, share: 0.2)
            let folder = try TemporaryDirectory()
            // Some seconds of work: whoever is still looking for a coordinator finds this one.
            let expected = try await LongRun.results
            var job = try Job.long()
            job.bind = try freeEndpoint()
            try await job.beginWithBackbone(in: folder.path("run"))
            let address = job.bind
            let over = CancellationFlag()
            // Unstructured: it goes on while worker after worker is looked after.
            let attack = Task {
                defer { over.cancel() }
                return try await Self.onThread("hostile") {
                    try HostileCoordinator(address, seed: fuzzSeed).talk(messageCount)
                }
            }
            var worker = try startWorker(address, name: "victim")
            var startCount = 1
            var memory = 0
            let deadline = ContinuousClock.now + .seconds(600)
            while !over.isCancelled, ContinuousClock.now < deadline {
                let peak = ProcessEntry.peakRSSByteCount(of: worker.identifier) ?? 0
                memory = max(memory, peak)
                if !worker.isRunning {
                    // Refused, or told that the run is complete; never of a signal.
                    let status = try await worker.exitStatus()
                    #expect([0, 69].contains(status), "\(worker.standardError.suffix(2_000))")
                    worker = try startWorker(address, name: "victim")
                    startCount += 1
                }
                try await Task.sleep(for: .milliseconds(5))
            }
            let tally = try await attack.value
            memory = max(memory, ProcessEntry.peakRSSByteCount(of: worker.identifier) ?? 0)
            print("\(tally), \(startCount) starts, peak \(memory >> 20) MiB")
            #expect(memory < Self.memoryByteCountMax)
            #expect(tally.helloCount > 0 && tally.readyCount > 0)
            #expect(worker.lines.count < 30 * 600)

            let coordinator = try job.start(in: folder.path("run"))
            let honest = try startWorker(address, name: "honest")
            #expect(try await coordinator.exitStatus(within: .seconds(90)) == 0)
            #expect(try await honest.exitStatus() == 0)
            #expect([0, 69].contains(try await worker.exitStatus()))
            let results = try RunDirectory.readResults(in: folder.path("run"))
            #expect(results.digests == expected.digests)
        }

        private static func onThread<Result: Sendable>(
            _ name: String, _ body: @escaping @Sendable () throws -> Result
        ) async throws -> Result {
            try await ThreadExecutor(name: name).run { try body() }
        }
    }
}

/// Messages that tests send which are no worker's.
enum SampleMessages {
    /// Heads of a lease that nobody has.
    static let trained: [[[UInt8]]] = [1, 2].map { (bundle: UInt64) in
        let head = Head(
            classes: ClassSet([0, 1]), weights: Matrix(rowCount: 2, columnCount: 3),
            biases: [0, 0])
        return WorkerMessage.bundleTrained(
            BundleTrained(
                bundle: bundle, attempt: 1, busySeconds: 1,
                content: .heads(HeadBlock.runs(of: [head])))
        ).encode()
    }
}
