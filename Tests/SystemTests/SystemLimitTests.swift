import Glibc
import System
import TestSupport
import Testing

/// Limits of the system, each in a process of its own that has it.
@Suite(.timeLimit(.minutes(4))) struct SystemLimitTests {
    private static func setLimit(_ resource: __rlimit_resource, _ value: rlim_t) {
        var limit = rlimit(rlim_cur: value, rlim_max: value)
        if unsafe setrlimit(__rlimit_resource_t(resource.rawValue), &limit) != 0 { exit(2) }
    }

    /// Runs work that must be refused, and ends the process with what it says.
    private static func report(_ work: () throws -> Void) {
        do {
            try work()
            exit(0)
        } catch let error as RunError {
            StandardStream.error(error.message)
            exit(error.code.exitStatus)
        } catch {
            exit(1)
        }
    }

    private func expectRefusal(_ result: ExitTest.Result?, _ words: String...) throws {
        let text = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        for word in words { #expect(text.contains(word), "\(text)") }
    }

    @Test func theLimitOfOpenFilesIsRaisedAndStays() {
        let raised = SystemLimit.raiseDescriptorLimit()
        #expect(raised >= 255)
        #expect(SystemLimit.raiseDescriptorLimit() == raised)
        var limit = rlimit()
        #expect(unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        #expect(Int(clamping: limit.rlim_cur) == raised)
    }

    @Test func tooFewOpenFiles() async throws {
        let result = await #expect(
            processExitsWith: .exitCode(69), observing: [\.standardErrorContent]
        ) {
            endInTime()
            Self.setLimit(RLIMIT_NOFILE, 24)
            Self.report { try SystemLimit.checkDescriptors(64) }
        }
        try expectRefusal(result, "this process may have 24", "ulimit -n")
    }

    @Test func tooFewThreads() async throws {
        let result = await #expect(
            processExitsWith: .exitCode(69), observing: [\.standardErrorContent]
        ) {
            endInTime()
            Self.forbidThreads()
            Self.report { try SystemLimit.checkThreads(8) }
        }
        try expectRefusal(result, "8 more threads", "lets this process start 0", "ulimit -u is 1")
    }

    @Test func aThreadThatCannotBeStartedIsAnError() async throws {
        let result = await #expect(
            processExitsWith: .exitCode(69), observing: [\.standardErrorContent]
        ) {
            endInTime()
            Self.forbidThreads()
            Self.report { _ = try ComputePool(threadCount: 2, name: "late") }
        }
        try expectRefusal(result, "cannot start the thread late-0", "ulimit -u is 1")
    }

    /// As an ordinary user: the superuser is not held to the limit.
    private static func forbidThreads() {
        if geteuid() == 0, setuid(65_534) != 0 { exit(2) }
        setLimit(__RLIMIT_NPROC, 1)
    }

    @Test func tooLittleMemory() async throws {
        let result = await #expect(
            processExitsWith: .exitCode(69), observing: [\.standardErrorContent]
        ) {
            endInTime()
            // More than the process has now, and less than it asks for.
            Self.setLimit(RLIMIT_AS, 1 << 40)
            Self.report { try SystemLimit.checkMemory(1 << 41) }
        }
        try expectRefusal(result, "may have 1048576 MiB", "ulimit -v is 1073741824")
    }

    @Test func stacksThatAreTooSmall() async throws {
        let result = await #expect(
            processExitsWith: .exitCode(69), observing: [\.standardErrorContent]
        ) {
            endInTime()
            Self.setLimit(RLIMIT_STACK, 64 << 10)
            Self.report { try SystemLimit.checkStacks() }
        }
        try expectRefusal(result, "threads get 64", "ulimit -s")
    }

    @Test func whatSystemsGiveIsEnough() throws {
        try SystemLimit.checkStacks()
        try SystemLimit.checkDescriptors(64)
        try SystemLimit.checkThreads(20)
        try SystemLimit.checkMemory(1 << 20)
    }

    @Test(arguments: [(EMFILE, "ulimit -n"), (EAGAIN, "--threads"), (ENOMEM, "memory")])
    func aFailureNamesItsLimit(_ errorNumber: Int32, _ words: String) {
        let error = SystemLimit.failure("make a pipe", errorNumber)
        #expect(error.code == .unavailable)
        #expect(error.message.hasPrefix("cannot make a pipe: "))
        #expect(error.message.contains(words), "\(error.message)")
        #expect(SystemLimit.cure(EACCES) == nil)
    }
}
