import CZeroMQ

/// One part of a message: immutable bytes and whoever keeps them alive.
///
/// A value that may be copied, kept, read and sent from any thread, any number of times. It is not
/// a `zmq_msg_t`: libzmq's reference count marks the message it copies from, so that one frame sent
/// from two threads would race. A `zmq_msg_t` is made for each send and points at these bytes.
@safe
package struct Frame: @unchecked Sendable {
    // @unchecked: the bytes are never written once the frame exists, which the zero-copy
    // initialiser demands of its caller.
    private let owner: AnyObject
    private let storage: UnsafeRawBufferPointer

    /// Bytes up to this many are copied into libzmq's message: cheaper than counting references.
    private static let copyByteCountMax = 256

    /// A frame with a copy of `bytes`.
    package init(_ bytes: [UInt8]) {
        unsafe self = bytes.withUnsafeBytes { unsafe Frame(copying: $0) }
    }

    /// A frame with a copy of the bytes at `bytes`.
    package init(copying bytes: UnsafeRawBufferPointer) {
        let block = Block(byteCount: bytes.count)
        unsafe block.bytes.copyMemory(from: bytes)
        self.owner = block
        unsafe self.storage = UnsafeRawBufferPointer(block.bytes)
    }

    /// A frame that points at bytes of `owner`, without a copy.
    ///
    /// `owner` is retained until the frame and everything sent of it are gone; the last release may
    /// happen on an I/O thread of ZeroMQ, so its `deinit` must not close sockets or contexts.
    ///
    /// - Parameter bytes: valid, and not written to, while `owner` lives.
    package init(owner: some AnyObject & Sendable, bytes: UnsafeRawBufferPointer) {
        self.owner = owner
        unsafe self.storage = unsafe bytes
    }

    /// What a socket has received.
    init(received: ReceivedMessage) {
        owner = received
        unsafe storage = received.bytes
    }

    /// How many bytes.
    package var count: Int { unsafe storage.count }

    /// Of a message from an encrypted connection, the Z85 of the key of whoever sent it.
    ///
    /// Nil for all that was not received. The part in front that names a router's peer may have it.
    package var userID: String? { (owner as? ReceivedMessage)?.userID }

    /// A copy of the bytes.
    package var bytes: [UInt8] { unsafe [UInt8](storage) }

    /// Reads the bytes; the pointer is valid within `body`.
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(owner) {} }
        return try unsafe body(storage)
    }

    /// Reads the bytes, bounds-checked.
    package func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(owner) {} }
        return try body(unsafe storage.bytes)
    }

    /// Fills an uninitialised message, which the caller sends or closes.
    ///
    /// - Returns: 0, or -1 with `errno` (out of memory).
    func makeMessage(_ message: UnsafeMutablePointer<zmq_msg_t>) -> Int32 {
        let count = unsafe storage.count
        guard let base = unsafe storage.baseAddress, count > Self.copyByteCountMax else {
            let result = unsafe zmq_msg_init_size(message, count)
            if result == 0, let base = unsafe storage.baseAddress {
                unsafe zmq_msg_data(message)?.copyMemory(from: base, byteCount: count)
            }
            return result
        }
        // libzmq only reads: the const it lacks is cast away. The reference is released by the
        // callback, once, when the last copy of the message has left or was dropped.
        let reference = unsafe Unmanaged.passRetained(owner)
        let result = unsafe zmq_msg_init_data(
            message, UnsafeMutableRawPointer(mutating: base), count,
            { _, hint in
                if let hint = unsafe hint { unsafe Unmanaged<AnyObject>.fromOpaque(hint).release() }
            }, reference.toOpaque())
        if result != 0 { unsafe reference.release() }
        return result
    }
}

extension Frame: Equatable {
    /// Whether the bytes are equal.
    package static func == (left: Frame, right: Frame) -> Bool {
        unsafe left.withUnsafeBytes { leftBytes in
            unsafe right.withUnsafeBytes { unsafe leftBytes.elementsEqual($0) }
        }
    }
}

/// Memory for the bytes of a frame made here.
@safe
private final class Block: @unchecked Sendable {
    // @unchecked: written by Frame's initialiser only.
    let bytes: UnsafeMutableRawBufferPointer

    init(byteCount: Int) {
        unsafe bytes = .allocate(byteCount: byteCount, alignment: 16)
    }

    deinit { unsafe bytes.deallocate() }
}

/// A message libzmq has filled, which owns the bytes of a received frame.
@safe
final class ReceivedMessage: @unchecked Sendable {
    // @unchecked: filled by one `receive`, only read after it. On the heap, because libzmq keeps
    // short messages inside the struct and their address must not change.
    private let message: UnsafeMutablePointer<zmq_msg_t>

    init() {
        unsafe message = .allocate(capacity: 1)
        unsafe message.initialize(to: zmq_msg_t())
        unsafe zmq_msg_init(message)
    }

    deinit {
        unsafe zmq_msg_close(message)
        unsafe message.deinitialize(count: 1)
        unsafe message.deallocate()
    }

    /// Receives one part; -1 with `errno` where there is none.
    func receive(from socket: UnsafeMutableRawPointer, flags: Int32) -> Int32 {
        unsafe zmq_msg_recv(message, socket, flags)
    }

    /// The descriptor of the connection it came over; -1 where there is none.
    var sourceDescriptor: Int32 { unsafe manyheads_source(message) }

    /// Whether more parts of the same message follow.
    var hasMore: Bool { unsafe zmq_msg_more(message) != 0 }

    /// What the handshake desk called the sender.
    var userID: String? {
        guard let text = unsafe zmq_msg_gets(message, "User-Id") else { return nil }
        return unsafe String(cString: text)
    }

    var bytes: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: zmq_msg_data(message), count: zmq_msg_size(message))
    }
}
