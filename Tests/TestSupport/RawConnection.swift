import Glibc

/// A TCP connection to this machine that speaks ZMTP 3.0 by hand, as far as the test wishes.
package final class RawConnection: Sendable {
    private let descriptor: Int32

    /// Connects; nil if nobody listens or there is no descriptor left.
    ///
    /// - Parameters:
    ///   - receiveByteCount: what the kernel keeps for a reader that does not read.
    ///   - endsByReset: whether nothing stays of it in the end: of thousands in a row the kernel would
    ///     otherwise keep the ports for a minute.
    package init?(port: UInt16, receiveByteCount: Int32? = nil, endsByReset: Bool = false) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        if var size = receiveByteCount {
            _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4)
        }
        if endsByReset {
            var abrupt = linger(l_onoff: 1, l_linger: 0)
            _ = unsafe setsockopt(
                descriptor, SOL_SOCKET, SO_LINGER, &abrupt,
                socklen_t(MemoryLayout<linger>.size))
        }
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        // The end of life closes it.
        guard result == 0 else { return nil }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Sends all of the bytes; false if the other side has hung up, or reads nothing for long.
    @discardableResult
    package func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.send(
                    descriptor, $0.baseAddress?.advanced(by: sent), $0.count - sent,
                    Int32(MSG_NOSIGNAL))
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// The next bytes, `count` of them; nil if the other side hangs up before, or is silent for long.
    package func receive(_ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var received = 0
        while received < count {
            let part = unsafe bytes.withUnsafeMutableBytes {
                unsafe recv(
                    descriptor, $0.baseAddress?.advanced(by: received), count - received, 0)
            }
            if part < 0 && errno == EINTR { continue }
            guard part > 0 else { return nil }
            received += part
        }
        return bytes
    }

    /// Whether the other side hangs up within the time for reading; what it says before is read.
    package func waitForHangUp() -> Bool {
        var byte: UInt8 = 0
        while true {
            let count = unsafe recv(descriptor, &byte, 1, 0)
            if count == 0 || count < 0 && errno == ECONNRESET { return true }
            if count < 0 && errno != EINTR { return false }
        }
    }

    /// Does the handshake of the NULL mechanism as a socket of this type.
    package func greet(as type: String) -> Bool {
        guard send(Self.greeting), receive(64) != nil else { return false }
        let name = Array("Socket-Type".utf8)
        let value = Array(type.utf8)
        let body =
            [5] + Array("READY".utf8) + [UInt8(name.count)] + name
            + [0, 0, 0, UInt8(value.count)] + value
        guard send([4, UInt8(body.count)] + body), let header = receive(2) else { return false }
        return receive(Int(header[1])) != nil
    }

    /// The 64 bytes that open a connection.
    package static let greeting: [UInt8] =
        [0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0x7F, 3, 0] + Array("NULL".utf8)
        + [UInt8](repeating: 0, count: 48)

    /// A frame of a message; `isLast` is false if more are to follow.
    package static func frame(_ bytes: [UInt8], isLast: Bool = true) -> [UInt8] {
        let flags: UInt8 = isLast ? 0 : 1
        if bytes.count < 256 { return [flags, UInt8(bytes.count)] + bytes }
        return [flags | 2] + lengthBytes(UInt64(bytes.count)) + bytes
    }

    /// The header of a frame that claims so many bytes.
    package static func header(claiming byteCount: UInt64) -> [UInt8] {
        [2] + lengthBytes(byteCount)
    }

    private static func lengthBytes(_ count: UInt64) -> [UInt8] {
        stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: count >> UInt64($0)) }
    }
}
