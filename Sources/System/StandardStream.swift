import Glibc
import Synchronization

/// Standard output and standard error, which may be closed, on a full disk, or read by nobody.
///
/// Programs begin with ``ProgramStart/prepare(_:)``, so that a reader who has left is an error and no
/// signal.
package enum StandardStream {
    private enum Outcome {
        case written
        /// Whoever read has left.
        case abandoned
        /// Nobody has read for a while.
        case stalled
        case failed(Int32)
    }

    private struct Errors {
        /// Nothing is written any more.
        var isAbandoned = false
        /// Nobody read when something was written last.
        var isStalled = false
        /// Lines that were left out since.
        var missingCount = 0
    }

    /// As much as a pipe takes at once, if it takes anything.
    private static let blockByteCount = 4_096
    /// How long a log waits for its reader: a run must not wait for a person who stopped the terminal.
    private static let patienceMilliseconds: Int32 = 2_000

    private static let errors = Mutex(Errors())

    /// Writes to standard output: results only.
    ///
    /// A reader who has left, as `head` does, wanted no more: that is no error.
    ///
    /// - Parameter rest: what the message says of the work besides.
    /// - Returns: whether somebody still reads.
    /// - Throws: `cannotWrite` if not everything could be written.
    @discardableResult
    package static func output(
        _ text: String, rest: String = "; the run's files are complete"
    ) throws(RunError) -> Bool {
        switch write(text, to: STDOUT_FILENO, patience: -1) {
        case .written: return true
        case .abandoned, .stalled: return false
        case .failed(let number):
            throw RunError(
                .cannotWrite,
                "cannot write to standard output (\(ErrorNumber.words(number)))\(rest)")
        }
    }

    /// Writes to standard error; a log nobody takes must not end a run, nor keep it waiting.
    ///
    /// What finds no reader in two seconds is left out, and the next line says so.
    package static func error(_ text: String) {
        errors.withLock { errors in
            guard !errors.isAbandoned else { return }
            var text = text
            if errors.missingCount > 0 {
                text = "(lines that nobody read are missing here: \(errors.missingCount))\n" + text
            }
            let patience = errors.isStalled ? 0 : patienceMilliseconds
            switch write(text, to: STDERR_FILENO, patience: patience) {
            case .written: (errors.isStalled, errors.missingCount) = (false, 0)
            case .stalled: (errors.isStalled, errors.missingCount) = (true, errors.missingCount + 1)
            // EIO: the terminal has gone.
            case .abandoned, .failed(EIO): errors.isAbandoned = true
            case .failed: break
            }
        }
    }

    /// Whether somebody may read standard error now: what is written only to be looked at need not be
    /// made otherwise.
    package static var isErrorRead: Bool {
        if errors.withLock({ $0.isAbandoned }) { return false }
        return isReady(STDERR_FILENO, milliseconds: 0)
    }

    /// - Parameter patience: milliseconds to wait for a reader each time; -1 is any number.
    private static func write(_ text: String, to descriptor: Int32, patience: Int32) -> Outcome {
        let bytes = Array(text.utf8)
        var start = 0
        while start < bytes.count {
            guard patience < 0 || isReady(descriptor, milliseconds: patience) else {
                return .stalled
            }
            let end = patience < 0 ? bytes.count : min(bytes.count, start + blockByteCount)
            let written = unsafe bytes[start..<end].withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            guard written <= 0 else {
                start += written
                continue
            }
            switch written < 0 ? errno : ENOSPC {
            case EINTR: continue
            // Somebody else made it so for all who share it.
            case EAGAIN: if !isReady(descriptor, milliseconds: patience) { return .stalled }
            case EPIPE: return .abandoned
            case let number: return .failed(number)
            }
        }
        return .written
    }

    /// Whether a descriptor takes bytes, or says at once that it does not.
    private static func isReady(_ descriptor: Int32, milliseconds: Int32) -> Bool {
        var target = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        while true {
            let count = unsafe poll(&target, 1, milliseconds)
            if count < 0 && errno == EINTR { continue }
            // What cannot be waited for can be written to.
            return count != 0
        }
    }
}
