import Glibc

/// Why a host has no address.
package struct ResolutionError: Error, Hashable, Sendable {
    /// The resolver's own words, as in "Name or service not known".
    package let words: String
}

/// A numeric address of a host.
package struct ResolvedAddress: Hashable, Sendable {
    /// The address as text, without brackets.
    package let host: String
    /// A `sockaddr_in` or a `sockaddr_in6`, its port 0.
    let bytes: [UInt8]

    /// Whether it is one of IPv6.
    package var isIPv6: Bool { family == AF_INET6 }

    var family: Int32 { bytes.count == MemoryLayout<sockaddr_in6>.size ? AF_INET6 : AF_INET }

    /// The address itself: 4 bytes or 16.
    private var number: ArraySlice<UInt8> { isIPv6 ? bytes[8..<24] : bytes[4..<8] }

    /// Whether only this machine reaches it.
    package var isLoopback: Bool {
        let mapped = [UInt8](repeating: 0, count: 10) + [255, 255]
        if isIPv6, !number.starts(with: mapped) {
            return number.dropLast().allSatisfy { $0 == 0 } && number.last == 1
        }
        return number.suffix(4).first == 127
    }

    /// Whether it stands for all addresses of a machine.
    package var isWildcard: Bool { number.allSatisfy { $0 == 0 } }

    /// Asks the system's resolver; the calling thread waits for as long as that takes.
    ///
    /// - Parameter isNumeric: takes addresses only, and asks nobody.
    /// - Returns: at least one address, in the resolver's order.
    package static func all(
        of host: String, isNumeric: Bool = false
    ) throws(ResolutionError) -> [ResolvedAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = isNumeric ? AI_NUMERICHOST : 0
        var list: UnsafeMutablePointer<addrinfo>?
        let status = unsafe getaddrinfo(host, nil, &hints, &list)
        guard status == 0 else {
            if status == EAI_SYSTEM { throw ResolutionError(words: ErrorNumber.words(errno)) }
            let words = unsafe gai_strerror(status).map { unsafe String(cString: $0) }
            throw ResolutionError(words: words ?? "error \(status)")
        }
        defer { unsafe freeaddrinfo(list) }
        var found: [ResolvedAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            if let address = unsafe ResolvedAddress(entry.pointee), !found.contains(address) {
                found.append(address)
            }
            unsafe next = unsafe entry.pointee.ai_next
        }
        guard !found.isEmpty else { throw ResolutionError(words: "no address of IPv4 or IPv6") }
        return found
    }

    private init?(_ entry: addrinfo) {
        guard [AF_INET, AF_INET6].contains(unsafe entry.ai_family),
            let address = unsafe entry.ai_addr
        else { return nil }
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let status = unsafe getnameinfo(
            address, entry.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
        guard status == 0 else { return nil }
        host = String(
            decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        bytes = unsafe [UInt8](
            UnsafeRawBufferPointer(start: address, count: Int(entry.ai_addrlen)))
    }

    /// Calls `body` with the address and a port, as the system's calls take them.
    func withSocketAddress<Result>(
        port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var bytes = bytes
        // The port lies at the same place in both families' addresses.
        bytes[2] = UInt8(port >> 8)
        bytes[3] = UInt8(port & 255)
        return unsafe bytes.withUnsafeBytes { raw in
            unsafe raw.withMemoryRebound(to: sockaddr.self) { rebound in
                guard let base = rebound.baseAddress else {
                    preconditionFailure("an address has bytes")
                }
                return unsafe body(base, socklen_t(raw.count))
            }
        }
    }

    /// This machine's address towards others; nil where it has none but loopback's.
    ///
    /// The system tells which one it would send from; a datagram socket sends nothing to find out.
    static var ownHost: String? {
        // Addresses for documentation (RFC 5737, RFC 3849): nobody's, and routed like anybody's.
        for other in ["198.51.100.1", "2001:db8::1"] {
            guard let other = try? all(of: other, isNumeric: true).first else { continue }
            let descriptor = socket(
                other.family, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else { continue }
            defer { close(descriptor) }
            let status = unsafe other.withSocketAddress(port: 9) {
                unsafe connect(descriptor, $0, $1)
            }
            if status == 0, let own = ownAddress(of: descriptor), !own.isLoopback {
                return own.host
            }
        }
        return nil
    }

    private static func ownAddress(of descriptor: Int32) -> ResolvedAddress? {
        unsafe withOwnEntry(of: descriptor) { unsafe ResolvedAddress($0) } ?? nil
    }

    /// The port that a socket is bound to; nil where the system does not say.
    static func ownPort(of descriptor: Int32) -> UInt16? {
        unsafe withOwnEntry(of: descriptor) { entry in
            guard let address = unsafe entry.ai_addr else { return nil }
            // The port lies at the same place in both families' addresses.
            return unsafe address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                UInt16(bigEndian: unsafe $0.pointee.sin_port)
            }
        } ?? nil
    }

    /// Calls `body` with what a socket is bound to, as the resolver's entry.
    private static func withOwnEntry<Result>(
        of descriptor: Int32, _ body: (addrinfo) -> Result
    ) -> Result? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard unsafe getsockname(descriptor, address, &length) == 0 else { return nil }
                var entry = unsafe addrinfo()
                unsafe entry.ai_family = Int32(address.pointee.sa_family)
                unsafe entry.ai_addr = unsafe address
                unsafe entry.ai_addrlen = length
                return unsafe body(entry)
            }
        }
    }
}
