import Glibc

/// Standard output and standard error, which may be closed or on a full disk.
package enum StandardStream {
    /// Writes to standard output: results only.
    ///
    /// - Throws: `cannotWrite` if not everything could be written.
    package static func output(_ text: String) throws(RunError) {
        guard write(text, to: STDOUT_FILENO) else {
            let reason = unsafe String(cString: strerror(errno))
            throw RunError(
                .cannotWrite,
                "cannot write to standard output (\(reason)); the run's files are complete")
        }
    }

    /// Writes to standard error; a log nobody can take must not end a run.
    package static func error(_ text: String) {
        _ = write(text, to: STDERR_FILENO)
    }

    private static func write(_ text: String, to descriptor: Int32) -> Bool {
        let bytes = Array(text.utf8)
        var start = 0
        while start < bytes.count {
            let written = unsafe bytes[start...].withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { return false }
            start += written
        }
        return true
    }
}
