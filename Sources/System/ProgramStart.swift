import Glibc

/// What a program does first of all, while it has a single thread.
package enum ProgramStart {
    /// What the libraries and the run time of every program take, besides what it is told to do.
    private static let threadCount = 20
    /// The same of files: the run's, and those of ZeroMQ.
    private static let descriptorCount = 64
    /// What a program writes to with little to do, and what the allocator takes addresses for.
    private static let memory = (byteCount: 96 << 20, reserved: 512 << 20)

    /// Prepares the process: broken pipes are errors and no ends, standard streams are open, limits
    /// are high enough.
    ///
    /// Arguments that are not UTF-8 end the program here with status 64, and a limit that is too low with
    /// 69, each with a sentence.
    ///
    /// - Parameter name: of the program, as its messages begin.
    package static func prepare(_ name: String) {
        openStandardStreams()
        ReservedMemory.limitIfNeeded()
        ProgramArguments.refuseUnreadable(name)
        // Handlers that do nothing, for what is ignored would be ignored by every program started.
        let nothing = SignalDisposition { _ in }
        for signal in [SIGPIPE, SIGXFSZ] { nothing.install(for: signal) }
        do throws(RunError) {
            try SystemLimit.checkDescriptors(descriptorCount)
            try SystemLimit.checkStacks()
            try SystemLimit.checkThreads(threadCount)
            try SystemLimit.checkMemory(memory.byteCount, reserved: memory.reserved)
        } catch {
            StandardStream.error("\(name): \(error.message)\n")
            exit(error.code.exitStatus)
        }
    }

    /// Opens those of the three that are closed on nothing, or the next file that is opened, a journal
    /// say, would get what is meant for them.
    private static func openStandardStreams() {
        for descriptor in 0...2 where fcntl(Int32(descriptor), F_GETFD) < 0 {
            _ = unsafe open("/dev/null", descriptor == 0 ? O_RDONLY : O_WRONLY)
        }
    }
}
