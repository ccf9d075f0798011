import CoordinatorNetwork
import Foundation
import HeadTraining
import Scheduling
import Sessions
import System
import TestSupport
import Testing
import WorkerRuntime
import ZeroMQ

/// Workers without a coordinator: what they make of what they find in its place.
@Suite(.timeLimit(.minutes(4))) struct WorkerWaitTests {
    /// Why a worker ends that waits for this coordinator for as long as it takes to look once.
    private func reason(_ endpoint: String, _ keys: WorkerKeys? = nil) async throws -> String {
        let exit = try await WorkerProgram(
            WorkerConfiguration(
                endpoint: try #require(TCPEndpoint(endpoint)), threadCount: 1, name: "w",
                stays: false, endsWithStandardInput: false,
                variant: try KernelVariant.select("scalar"), keys: keys,
                waitLimit: WaitLimit(seconds: 6))
        ).run(handlesSignals: false)
        guard case .refused(let reason) = exit else { throw Unexpected(exit: exit) }
        let beginning = "no coordinator answered within 6 s (--wait): "
        #expect(reason.hasPrefix(beginning), "\(reason)")
        return String(reason.dropFirst(beginning.count))
    }

    private struct Unexpected: Error {
        let exit: WorkerExit
    }

    /// Keys in files, as a worker reads them.
    private func makeKeys(_ folder: TemporaryDirectory, _ server: CurveKeyPair) throws -> WorkerKeys
    {
        let secret = try folder.write(
            KeyFile.text(try CurveKeyPair.generate(), name: "w"), to: "w.key_secret")
        try #require(unsafe chmod(secret, 0o600) == 0)
        return try WorkerKeys(
            keyPath: secret,
            serverKeyPath: try folder.write(
                KeyFile.text(server.publicKey, name: "server"), to: "server.key"))
    }

    private func coordinator(_ admission: Admission? = nil) async throws -> (
        link: CoordinatorLink, endpoint: String
    ) {
        let link = try CoordinatorLink()
        return (
            link,
            try await link.start(
                bind: "tcp://127.0.0.1:0", admission: admission, observer: Silence())
        )
    }

    /// Ends a coordinator that never had a job.
    private func end(_ link: CoordinatorLink) async {
        link.abort(reason: "the test is over")
        _ = try? await link.collected()
    }

    // No resolver asks anybody for a name with an empty part.
    @Test func aNameThatCannotBeResolved() async throws {
        let words = unsafe String(cString: gai_strerror(EAI_NONAME))
        #expect(
            try await reason("tcp://a..b:5555")
                == "no coordinator at tcp://a..b:5555: its name cannot be resolved: \(words)")
    }

    /// An endpoint that was listened at, and is not any more.
    private static func closedEndpoint() throws -> String {
        try Socket(.router, in: try Context()).bind("tcp://127.0.0.1:0")
    }

    @Test func aPortWhereNobodyListens() async throws {
        let endpoint = try Self.closedEndpoint()
        #expect(
            try await reason(endpoint)
                == "no coordinator at \(endpoint) yet: Connection refused")
    }

    @Test func theFeaturesPort() async throws {
        let context = try Context()
        let socket = try Socket(.xpub, in: context)
        let endpoint = try socket.bind("tcp://127.0.0.1:0")
        #expect(
            try await reason(endpoint)
                == "\(endpoint) is where a coordinator sends its features; connect to its control port, by default one less"
        )
        _ = try socket.lastPort()
    }

    @Test func anotherProgramsPort() async throws {
        let server = try #require(SmallServer(saying: "HTTP/1.0 400 Bad request\r\n\r\n"))
        #expect(
            try await reason("tcp://127.0.0.1:\(server.port)")
                == "no coordinator at tcp://127.0.0.1:\(server.port): what listens there says \"HTTP/1.0 400 Bad request\"; check the port"
        )
    }

    @Test func aCoordinatorThatEncrypts() async throws {
        let (link, endpoint) = try await coordinator(try Admission())
        #expect(
            try await reason(endpoint)
                == "the coordinator at \(endpoint) encrypts everything; give --key and --server-key"
        )
        await end(link)
    }

    @Test func aCoordinatorThatDoesNot() async throws {
        let (link, endpoint) = try await coordinator()
        let folder = try TemporaryDirectory()
        let keys = try makeKeys(folder, try CurveKeyPair.generate())
        #expect(
            try await reason(endpoint, keys).hasPrefix(
                "the coordinator at \(endpoint) does not encrypt; leave out --key"))
        await end(link)
    }

    // Of a name's addresses the one that answers is taken.
    @Test(arguments: ["tcp://localhost:0"] + (hasIPv6 ? ["tcp://[::1]:0"] : []))
    func aCoordinatorAtANameOrAnAddressOfIPv6(bind: String) async throws {
        let link = try CoordinatorLink()
        let bound = try await link.start(bind: bind, observer: Silence())
        let port = try #require(TCPEndpoint(bound)).port
        let sample = SampleTasks()
        let asked = bind.contains("::1") ? "tcp://[::1]:\(port)" : "tcp://localhost:\(port)"
        let worker = WorkerProgram(
            WorkerConfiguration(
                endpoint: try #require(TCPEndpoint(asked)), threadCount: 1, name: "w", stays: false,
                endsWithStandardInput: false, variant: try KernelVariant.select("scalar"),
                waitLimit: WaitLimit(seconds: 30),
                taskPreparation: { SampleTasks.Runner(materials: $0) }))
        async let exit = worker.run(handlesSignals: false)
        let collected = try await link.perform(sample.job(), on: sample.chunks) { _ in }
        #expect(collected.failures.isEmpty)
        #expect(try await exit == .done)
    }

    @Test func aRunWaitsForWorkersNoLongerThanTold() async throws {
        let sample = SampleTasks()
        let link = try CoordinatorLink()
        _ = try await link.start(
            bind: "tcp://127.0.0.1:0", waitLimit: WaitLimit(seconds: 0.2), observer: Silence())
        let error = await #expect(throws: RunError.self) {
            try await link.perform(sample.job(), on: sample.chunks) { _ in }
        }
        #expect(error?.code == .unavailable)
        #expect(
            error?.message == "no worker was there within 0.2 s (--wait); what is trained is kept")
    }
}

/// A program that is no coordinator: it says its sentence to whoever connects, and hangs up.
private final class SmallServer: Sendable {
    let port: UInt16
    private let listener: Int32

    init?(saying text: String) {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let isListening = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(listener, $0, length) == 0 && listen(listener, 8) == 0
                    && getsockname(listener, $0, &length) == 0
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        guard isListening else { return nil }
        let bytes = Array(text.utf8)
        Thread.detachNewThread {
            // Until the listener is shut down.
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                _ = unsafe send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
                close(connection)
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }
}
