import Glibc

/// A plain TCP socket on loopback, closed with its last user.
final class StreamSocket: Sendable {
    /// What the kernel refused.
    struct Failure: Error, CustomStringConvertible {
        let description: String

        init(_ operation: String) {
            let reason = unsafe strerror(errno).map { unsafe String(cString: $0) }
            description = "\(operation) failed: \(reason ?? "errno \(errno)"); is loopback up?"
        }
    }

    private let descriptor: Int32

    private init(_ descriptor: Int32, _ operation: String) throws {
        guard descriptor >= 0 else { throw Failure(operation) }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    private static func new() throws -> StreamSocket {
        try StreamSocket(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0), "socket")
    }

    /// A socket that listens on a free port.
    static func listening(backlog: Int) throws -> StreamSocket {
        let listener = try new()
        let bound = unsafe withAddress(port: 0) { unsafe bind(listener.descriptor, $0, $1) }
        guard bound == 0, listen(listener.descriptor, Int32(backlog)) == 0 else {
            throw Failure("listen")
        }
        return listener
    }

    /// A connection to a port of this machine.
    static func connected(toPort port: UInt16) throws -> StreamSocket {
        let connection = try new()
        let result = unsafe withAddress(port: port) {
            unsafe connect(connection.descriptor, $0, $1)
        }
        guard result == 0 else { throw Failure("connect") }
        return connection
    }

    /// The port it listens on.
    func port() throws -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &length)
            }
        }
        guard result == 0 else { throw Failure("getsockname") }
        return UInt16(bigEndian: address.sin_port)
    }

    /// The next connection to a listening socket.
    func accepted() throws -> StreamSocket {
        try StreamSocket(accept(descriptor, nil, nil), "accept")
    }

    /// Sends all of `bytes`.
    func send(_ bytes: [UInt8], blockByteCount: Int) throws {
        try unsafe bytes.withUnsafeBytes { buffer in
            var sent = 0
            while sent < buffer.count {
                let block = unsafe UnsafeRawBufferPointer(
                    rebasing: buffer[sent..<min(buffer.count, sent + blockByteCount)])
                let count = unsafe Glibc.send(
                    descriptor, block.baseAddress, block.count, Int32(MSG_NOSIGNAL))
                guard count > 0 else { throw Failure("send") }
                sent += count
            }
        }
    }

    /// Takes `count` bytes into new memory of `byteCount`, round and round.
    func receive(_ count: Int, into byteCount: Int, blockByteCount: Int) throws {
        // Not initialised: the pages come with the bytes, as they do for a worker.
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
        defer { unsafe memory.deallocate() }
        var received = 0
        while received < count {
            let offset = received % byteCount
            let length = min(blockByteCount, byteCount - offset, count - received)
            let block = unsafe UnsafeMutableRawBufferPointer(
                rebasing: memory[offset..<offset + length])
            let result = unsafe recv(descriptor, block.baseAddress, block.count, 0)
            guard result > 0 else { throw Failure("recv") }
            received += result
        }
    }

    /// Sends from now on what it is given without waiting for the other side's acknowledgements.
    func sendAtOnce() {
        var one: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        _ = unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, size)
    }

    /// Waits for bytes, and takes those that are there.
    func receiveSome() throws -> [UInt8] {
        let capacity = 64 << 10
        var result = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            result = unsafe recv(descriptor, buffer.baseAddress, capacity, 0)
            count = max(0, result)
        }
        guard result > 0 else { throw Failure("recv") }
        return bytes
    }

    /// Waits for one byte.
    func awaitByte() throws {
        try receive(1, into: 1, blockByteCount: 1)
    }

    private static func withAddress<Result>(
        port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, length)
            }
        }
    }
}
