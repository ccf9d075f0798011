import CZeroMQ
import Glibc

/// A ZeroMQ context: the I/O threads and everything `inproc://` names.
///
/// Thread-safe. Its sockets retain it, so it ends after the last of them: closing order is by
/// construction. The end waits for unsent messages at most as long as each socket's linger.
@safe
package final class Context: @unchecked Sendable {
    // @unchecked: libzmq contexts may be used from any thread, and the pointer never changes.
    let handle: UnsafeMutableRawPointer

    /// Starts a context.
    ///
    /// - Parameter ioThreadCount: one serves about a gigabyte a second.
    package init(ioThreadCount: Int = 1) throws(ZeroMQError) {
        guard let handle = unsafe zmq_ctx_new() else {
            throw .failed("cannot start ZeroMQ", errorNumber: zmq_errno())
        }
        unsafe self.handle = unsafe handle
        let clamped = Int32(clamping: max(1, ioThreadCount))
        guard unsafe zmq_ctx_set(handle, ZMQ_IO_THREADS, clamped) == 0 else {
            // deinit runs: everything is initialised.
            throw .failed("cannot start \(ioThreadCount) I/O threads", errorNumber: zmq_errno())
        }
    }

    deinit {
        // EINTR: a signal arrived while lingering; what is left to wait for is still bounded.
        while unsafe zmq_ctx_term(handle) != 0 && zmq_errno() == EINTR {}
    }

    /// Makes every waiting and later call on the context's sockets throw `terminated`.
    ///
    /// From any thread; the sockets remain to be closed.
    package func shutdown() {
        unsafe zmq_ctx_shutdown(handle)
    }

    /// The version of libzmq in use, as in "4.3.4".
    package static var libraryVersion: String {
        var major: Int32 = 0
        var minor: Int32 = 0
        var patch: Int32 = 0
        unsafe zmq_version(&major, &minor, &patch)
        return "\(major).\(minor).\(patch)"
    }
}
