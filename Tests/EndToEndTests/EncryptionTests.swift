import Formats
import Foundation
import RunFolder
import System
import TestSupport
import Testing
import WireProtocol
import ZeroMQ

/// Keys of `coordinator keygen` in a folder of their own, and a list of those who may join.
struct Keys {
    let folder: TemporaryDirectory
    let list: String

    /// Makes keys for these workers, of whom `listed` may join.
    init(_ names: [String], listed: [String]) async throws {
        folder = try TemporaryDirectory()
        let made = try await run(
            Lab.coordinator, ["keygen", folder.path("keys")] + names.flatMap { ["--name", $0] })
        try #require(made.status == 0, "\(made.standardError)")
        list = folder.path("allow")
        try allow(listed)
    }

    func path(_ file: String) -> String { folder.path("keys/" + file) }

    func pair(_ name: String) throws -> CurveKeyPair {
        try KeyFile.readPair(path(name + KeyFile.secretSuffix))
    }

    /// Writes the list, which takes its place whole.
    func allow(_ names: [String]) throws {
        let lines = try names.map { "\(try pair($0).publicKey.z85) \($0)\n" }
        try Data(("# who may join\n" + lines.joined()).utf8)
            .write(to: URL(filePath: list), options: .atomic)
    }

    var coordinatorOptions: [String] {
        ["--key", path("server.key_secret"), "--allow", list]
    }

    func workerOptions(_ name: String) -> [String] {
        [
            "--threads", "1", "--key", path(name + ".key_secret"), "--server-key",
            path("server.key"),
        ]
    }

    /// Every form in which a key of anybody could be found in a file: none may be.
    func expectAbsent(from bytes: [UInt8], _ what: String) throws {
        let text = String(decoding: bytes, as: UTF8.self)
        for name in ["server"]
            + (try FileManager.default.contentsOfDirectory(atPath: path(""))
                .filter { $0.hasSuffix(KeyFile.secretSuffix) }
                .map { String($0.dropLast(KeyFile.secretSuffix.count)) })
        {
            let pair = try pair(name)
            #expect(!text.contains(pair.secretKey.z85), "the secret key of \(name) is in \(what)")
            #expect(!text.contains(pair.publicKey.z85), "the public key of \(name) is in \(what)")
            let raw = Data(pair.publicKey.bytes)
            #expect(Data(bytes).range(of: raw) == nil, "the key of \(name) is in \(what)")
        }
    }
}

extension EndToEndTests {
    /// Encrypted runs: who is not invited stays outside, and the run goes on.
    @Suite(.timeLimit(.minutes(5))) struct EncryptionTests {
        /// An encrypted coordinator that waits for workers.
        private struct Waiting {
            let folder: TemporaryDirectory
            let keys: Keys
            let process: RunningProcess
            let endpoint: String
            let reference: FinishedRun

            init(_ keys: Keys, _ options: [String] = []) async throws {
                self.keys = keys
                folder = try TemporaryDirectory()
                reference = try await Lab.reference
                try await reference.job.beginWithBackbone(in: folder.path("run"))
                process = try reference.job.start(
                    in: folder.path("run"), keys.coordinatorOptions + options)
                endpoint = try await EndToEndTests.endpointOf(process)
            }

            func worker(_ name: String) throws -> RunningProcess {
                try startWorker(endpoint, name: name, keys.workerOptions(name))
            }

            /// Lets an invited worker end the run, which must be as if nothing had happened.
            func finish(with name: String = "honest") async throws -> RunResults {
                let worker = try worker(name)
                #expect(try await process.exitStatus() == 0)
                #expect(try await worker.exitStatus() == 0)
                return try results()
            }

            func results() throws -> RunResults {
                let results = try RunDirectory.readResults(in: folder.path("run"))
                #expect(results.digests == reference.results.digests)
                #expect(results.security.encryption == "curve")
                return results
            }

            func count(_ text: String) -> Int {
                process.lines.count { $0.text.contains(text) }
            }
        }

        @Test func strangersAreRefusedAndTheRunGoesOn() async throws {
            let keys = try await Keys(["honest", "stranger"], listed: ["honest"])
            let run = try await Waiting(keys)
            let plain = try startWorker(run.endpoint, name: "plain")
            let misled = try startWorker(
                run.endpoint, name: "misled",
                [
                    "--threads", "1", "--key", keys.path("honest.key_secret"), "--server-key",
                    keys.path("stranger.key"),
                ])
            let stranger = try run.worker("stranger")
            let lines = [
                "a peer was refused: it does not encrypt",
                "a peer was refused: it was given another --server-key",
                "is not on the list of those who may join",
            ]
            for line in lines { try await run.process.line(containing: line) }
            // Each hears of it, once, and tries on.
            try await plain.line(containing: "encrypts everything; give --key and --server-key")
            try await misled.line(containing: "is --server-key its public key")
            try await stranger.line(containing: "its public key is not on the list")
            let results = try await run.finish()
            #expect(results.workers.map(\.name) == ["honest"])
            let security = results.security
            #expect(security.refused == security.refusedByReason.values.reduce(0, +))
            for reason in ["not_encrypted", "wrong_server_key", "not_listed"] {
                #expect(security.refusedByReason[reason, default: 0] > 0, "\(reason)")
            }
            // The first two have tried again and again by then.
            #expect(security.refused > 4)
            for line in lines { #expect(run.count(line) == 1, "\(line)") }
            for process in [plain, misled, stranger] {
                #expect(process.isRunning)
                #expect(process.lines.count { $0.text.contains(" warning ") } == 1)
            }
        }

        @Test func aKeyRemovedWhileItsWorkerTrains() async throws {
            let keys = try await Keys(["leaver", "stayer"], listed: ["leaver", "stayer"])
            let folder = try TemporaryDirectory()
            let expected = try await LongRun.results
            let job = try Job.long()
            try await job.beginWithBackbone(in: folder.path("run"))
            let process = try job.start(in: folder.path("run"), keys.coordinatorOptions)
            let address = try await endpoint(of: process)
            let leaver = try startWorker(address, name: "leaver", keys.workerOptions("leaver"))
            try await leaver.line(containing: "holding 1,200 rows")
            try await hasComputed(leaver.identifier, seconds: 0.3)
            let stayer = try startWorker(address, name: "stayer", keys.workerOptions("stayer"))
            try await stayer.line(containing: "holding 1,200 rows")
            try keys.allow(["stayer"])
            process.send(SIGHUP)
            try await process.line(containing: "worker leaver is shut out: its key")
            #expect(try await leaver.exitStatus() == 69)
            #expect(leaver.standardError.contains("its key is not on the list"))
            // It comes back, as a service would have it, and stays outside.
            let again = try startWorker(address, name: "leaver", keys.workerOptions("leaver"))
            try await again.line(containing: "its public key is not on the list")
            #expect(try await process.exitStatus() == 0)
            #expect(try await stayer.exitStatus() == 0)
            let results = try RunDirectory.readResults(in: folder.path("run"))
            #expect(results.digests == expected.digests)
            #expect(results.workers.map(\.name) == ["leaver", "stayer"])
            #expect(results.security.refusedByReason["removed", default: 0] >= 2)
            #expect(process.lines.count { $0.text.contains("is shut out") } == 1)
            #expect(process.lines.count { $0.text.contains("was refused") } == 0)
        }

        // The spy holds on to both connections, and ignores what it is told.
        @Test(arguments: [false, true])
        func whoseKeyIsRemovedGetsNoFeaturesAndNoAnswers(isRemoved: Bool) async throws {
            let keys = try await Keys(["honest", "spy"], listed: ["honest", "spy"])
            let folder = try TemporaryDirectory()
            // Some seconds of backbone, before which there is nothing to be had.
            var job = try Job()
            job.fraction = 0.25
            job.epochs = 20
            let process = try job.start(in: folder.path("run"), keys.coordinatorOptions)
            let address = try await endpoint(of: process)
            let pair = try keys.pair("spy")
            let server = try keys.pair("server").publicKey
            let (steps, announce) = AsyncStream.makeStream(of: Void.self)
            let thread = try ThreadExecutor(name: "spy")
            async let looted = thread.run { flag in
                defer { announce.finish() }
                let spy = try Spy(address, pair: pair, server: server)
                announce.yield()
                return try spy.listen(until: { flag.isCancelled || !process.isRunning })
            }
            for await _ in steps { break }
            // It has subscribed as well, and loses that connection together with the spy.
            let honest = try startWorker(address, name: "honest", keys.workerOptions("honest"))
            try await honest.line(containing: "joined run")
            if isRemoved {
                try keys.allow(["honest"])
                process.send(SIGHUP)
                try await process.line(containing: "worker spy is shut out")
            }
            try #require(!process.lines.contains { $0.text.contains("extracting features") })
            #expect(try await process.exitStatus() == 0)
            #expect(try await honest.exitStatus() == 0)
            let loot = try await looted
            #expect(loot.chunks.isEmpty == isRemoved)
            #expect(loot.isAnswered == !isRemoved)
            let results = try RunDirectory.readResults(in: folder.path("run"))
            #expect(results.workers.map(\.heads) == [0, 57])
            let featureByteCount = try #require(results.data.featureBytes)
            #expect(results.workers[1].bytesReceived >= featureByteCount)
        }

        @Test func aKeyAddedLetsAWaitingWorkerIn() async throws {
            let keys = try await Keys(["late"], listed: [])
            let run = try await Waiting(keys)
            try await run.process.line(containing: "0 worker keys may join")
            let late = try run.worker("late")
            try await late.line(containing: "its public key is not on the list")
            // A list that cannot be read changes nothing.
            try Data("not a key\n".utf8).write(to: URL(filePath: keys.list))
            run.process.send(SIGHUP)
            try await run.process.line(containing: "allow, line 1: a line is a public key")
            #expect(run.process.isRunning)
            try keys.allow(["late"])
            run.process.send(SIGHUP)
            #expect(try await run.process.exitStatus() == 0)
            #expect(try await late.exitStatus() == 0)
            let results = try run.results()
            #expect(results.workers.map(\.heads) == [57])
            #expect(run.count("error: ") == 1)
        }

        @Test func localWorkersNeedNoKeyInAFileNorInArguments() async throws {
            let keys = try await Keys([], listed: [])
            let folder = try TemporaryDirectory()
            let expected = try await LongRun.results
            let job = try Job.long()
            try await job.beginWithBackbone(in: folder.path("run"))
            let process = try job.start(
                in: folder.path("run"),
                keys.coordinatorOptions + ["--workers", "2", "--log-level", "debug"])
            try await process.line { $0.text.hasPrefix("heads: ") }
            let workers = children(of: process)
            #expect(workers.count == 2)
            let own = try bytes(of: "/proc/\(process.identifier)/environ").split(separator: 0)
            for worker in workers {
                let words = try bytes(of: "/proc/\(worker)/cmdline").split(separator: 0).map {
                    String(decoding: $0, as: UTF8.self)
                }
                #expect(words.contains("--keys-from-stdin"))
                #expect(words.allSatisfy { CurvePublicKey(z85: $0) == nil }, "\(words)")
                let environment = try bytes(of: "/proc/\(worker)/environ").split(separator: 0)
                #expect(Set(environment).subtracting(own).isEmpty)
                for file in ["cmdline", "environ"] {
                    try keys.expectAbsent(from: try bytes(of: "/proc/\(worker)/\(file)"), file)
                }
            }
            // A worker that is started again has its key again.
            kill(try #require(workers.first), SIGKILL)
            #expect(try await process.exitStatus() == 0)
            let results = try RunDirectory.readResults(in: folder.path("run"))
            #expect(results.digests == expected.digests)
            #expect(results.security.refused == 0)
            #expect(results.workers.map(\.name).sorted() == ["local-0", "local-0", "local-1"])
            for file in try FileManager.default.contentsOfDirectory(atPath: folder.path("run")) {
                try keys.expectAbsent(from: try bytes(of: folder.path("run/" + file)), file)
            }
            try keys.expectAbsent(from: Array(process.standardError.utf8), "the log")
            #expect(results.config["key"] == .string(keys.path("server.key_secret")))
            #expect(results.config["allow"] == .string(keys.list))
        }

        @Test func anUnencryptedCoordinatorTellsNobodyToComeEncrypted() async throws {
            let keys = try await Keys(["eager"], listed: [])
            let folder = try TemporaryDirectory()
            let reference = try await Lab.reference
            try await reference.job.beginWithBackbone(in: folder.path("run"))
            let process = try reference.job.start(in: folder.path("run"))
            let address = try await endpoint(of: process)
            let eager = try startWorker(address, name: "eager", keys.workerOptions("eager"))
            try await eager.line(containing: "trying on")
            let plain = try startWorker(address, name: "plain")
            #expect(try await process.exitStatus() == 0)
            #expect(try await plain.exitStatus() == 0)
            let results = try RunDirectory.readResults(in: folder.path("run"))
            #expect(results.security.encryption == "none")
            #expect(results.workers.map(\.name) == ["plain"])
        }

        @Test func aBenchmarkMayBeEncrypted() async throws {
            let keys = try await Keys([], listed: [])
            let folder = try TemporaryDirectory()
            let arguments = try Job().arguments(in: folder.path("run")).dropFirst()
            let outcome = try await run(
                Lab.coordinator,
                ["benchmark"] + arguments + keys.coordinatorOptions
                    + ["--workers", "1,2", "--trials", "1", "--json"])
            #expect(outcome.status == 0, "\(outcome.standardError)")
            try keys.expectAbsent(from: Array(outcome.standardOutput.utf8), "speedup.json")
        }
    }
}

/// A worker that joined and subscribed properly, then only listens.
private struct Spy: ~Copyable {
    struct Loot: Sendable {
        var chunks: [Int] = []
        var isAnswered = false
    }

    private let control: Socket
    private let features: Socket
    private let incarnation = UInt64.random(in: 1...UInt64.max)

    init(_ endpoint: String, pair: CurveKeyPair, server: CurvePublicKey) throws {
        let context = try Context()
        var options = SocketOptions()
        options.security = .client(pair, server: server)
        options.identity = Array("spy".utf8)
        options.receiveTimeoutMilliseconds = 20_000
        options.reconnectMilliseconds = 50
        let control = try Socket(.dealer, in: context, options: options)
        let features = try Socket(.sub, in: context, options: options)
        try control.connect(endpoint)
        let hello = Hello(
            incarnation: incarnation, name: "spy", host: "nowhere", isa: "scalar", threadCount: 1,
            slotCount: 1, processID: 1)
        let isSent = try control.send(
            WorkerMessage.hello(hello).encode().map { Frame($0) }, dontWait: false)
        try #require(isSent)
        let answer = try #require(try control.receive(dontWait: false))
        guard case .welcome(let welcome) = try CoordinatorMessage.decode(answer.map(\.bytes)) else {
            throw FakePeerError(description: "the spy is not welcome")
        }
        try features.subscribe(WireProtocol.featureTopic(runID: welcome.runID))
        let colon = try #require(endpoint.lastIndex(of: ":"))
        // Before there is anything to see.
        let monitor = try SocketMonitor(features, in: context, name: "spy")
        try features.connect(String(endpoint[...colon]) + "\(welcome.featurePort)")
        while try monitor.next() != .succeeded {
            _ = try poll([monitor.pollTarget], timeoutMilliseconds: 20_000)
        }
        self.control = control
        self.features = features
    }

    /// Listens, and sends a sign of life now and then, until that is so.
    func listen(until isOver: () -> Bool) throws -> Loot {
        var loot = Loot()
        while !isOver() {
            let beat = WorkerMessage.heartbeat(
                WorkerHeartbeat(
                    incarnation: incarnation, busySeconds: 0, peakRSSByteCount: 0,
                    receivedByteCount: 0, runningBundles: []))
            _ = try control.send(beat.encode().map { Frame($0) })
            _ = try poll([features.pollTarget(.readable)], timeoutMilliseconds: 50)
            while let frames = try features.receive() {
                if frames.count == 3,
                    let index = try? FeatureChunk.index(
                        ofEnvelope: frames[1].bytes, followedBy: frames[2].count)
                {
                    loot.chunks.append(index)
                }
            }
            while let frames = try control.receive() {
                let message = try? CoordinatorMessage.decode(frames.map(\.bytes))
                if case .features = message { loot.isAnswered = true }
            }
        }
        return loot
    }
}
