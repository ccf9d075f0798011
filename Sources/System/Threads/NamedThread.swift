import Glibc

/// A POSIX thread with a name, started at once.
package enum NamedThread {
    /// What a new thread takes over from the one that made it.
    private final class Start {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Runs `body` on a new thread, which nobody waits for: for what may block without end.
    ///
    /// - Throws: `unavailable`, naming the limit, when the system has no thread left to give.
    package static func detached(
        name: String, _ body: @escaping @Sendable () -> Void
    ) throws(RunError) {
        pthread_detach(try start(name: name, body))
    }

    /// Runs `body` on a new thread; the caller joins or detaches it.
    ///
    /// - Throws: `unavailable`, naming the limit, when the system has no thread left to give.
    static func start(
        name: String, _ body: @escaping @Sendable () -> Void
    ) throws(RunError) -> pthread_t {
        let start = unsafe Unmanaged.passRetained(Start(name: name, body: body))
        var thread = pthread_t()
        let status = unsafe pthread_create(
            &thread, nil,
            { argument in
                if let argument = unsafe argument {
                    let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                    NamedThread.nameCurrent(start.name)
                    start.body()
                }
                return nil
            }, start.toOpaque())
        guard status == 0 else {
            unsafe start.release()
            throw SystemLimit.failure("start the thread \(name)", status)
        }
        return thread
    }

    /// Names the calling thread, for debuggers and `top -H`.
    ///
    /// Through /proc, because the Glibc module is built without `_GNU_SOURCE` and hides
    /// `pthread_setname_np`. A name is a convenience: where /proc is not there, nothing happens.
    private static func nameCurrent(_ name: String) {
        let descriptor = unsafe open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        // The kernel keeps 15 bytes; cut here, on a character, rather than there.
        var cut = name
        while cut.utf8.count > 15 { cut.removeLast() }
        let bytes = Array(cut.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
    }
}
