import Glibc

/// Where a program listens or connects: `tcp://HOST:PORT`.
package struct TCPEndpoint: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address, without brackets; to listen also an interface's name, or `*`.
    package var host: String
    /// The port; 0 picks a free one to listen at.
    package var port: UInt16

    /// An endpoint of these parts.
    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Understands an endpoint; an IPv6 address stands in brackets.
    package init?(_ text: String) {
        let rest = text.dropFirst("tcp://".count)
        guard text.hasPrefix("tcp://"), let colon = rest.lastIndex(of: ":") else { return nil }
        let digits = rest[rest.index(after: colon)...]
        guard digits.allSatisfy(\.isASCIIDigit), let port = UInt16(digits) else { return nil }
        var host = rest[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if isBracketed { host = host.dropFirst().dropLast() }
        guard host.contains(":") == isBracketed, !host.isEmpty,
            !host.contains(where: { $0.isWhitespace || "/[]".contains($0) })
        else { return nil }
        self.init(host: String(host), port: port)
    }

    /// Understands what was given to an option.
    ///
    /// - Throws: `usage` with one sentence; also for a host that looks like an address but is not one.
    package init(_ text: String, option: String, example: String) throws(RunError) {
        guard let endpoint = TCPEndpoint(text) else {
            throw .usage("\(option) must look like \(example), not '\(text)'")
        }
        let host = endpoint.host
        // The resolver takes fewer than four as well, and means something by it.
        if host.allSatisfy({ $0.isASCIIDigit || $0 == "." }),
            endpoint.address == nil || host.split(separator: ".").count != 4
        {
            throw .usage(
                "\(option) \(text): \(host) is no address; it has four numbers, each from 0 to 255")
        }
        if host.contains(":"), endpoint.address == nil {
            throw .usage("\(option) \(text): \(host) is no IPv6 address")
        }
        self = endpoint
    }

    package var description: String {
        host.contains(":") ? "tcp://[\(host)]:\(port)" : "tcp://\(host):\(port)"
    }

    /// Whether sockets of IPv6 are needed for it: an IPv6 address, or all addresses there are.
    package var needsIPv6: Bool { host.contains(":") || host == "*" }

    /// Whether no other machine can reach it, as its own words show: any other name may be anything.
    package var isLoopback: Bool { host == "localhost" || address?.isLoopback == true }

    /// Whether it is every address of a machine: to listen at, not to connect to.
    package var isWildcard: Bool { host == "*" || address?.isWildcard == true }

    /// The host as a resolved address; nil for a name.
    package var address: ResolvedAddress? {
        try? ResolvedAddress.all(of: host, isNumeric: true).first
    }

    /// The endpoint with an address in the place of a name: what can be listened at.
    ///
    /// Interfaces keep their names. Of several addresses one that others reach comes first, then one of
    /// IPv4.
    ///
    /// - Throws: `unavailable` with the resolver's words.
    package func toListenAt() throws(RunError) -> TCPEndpoint {
        guard host != "*", address == nil, unsafe if_nametoindex(host) == 0 else { return self }
        let found: [ResolvedAddress]
        do throws(ResolutionError) {
            found = try ResolvedAddress.all(of: host)
        } catch {
            throw RunError(
                .unavailable,
                "cannot listen at \(self): \(host) cannot be resolved (\(error.words)); give an address of this machine, or tcp://*:\(port) for all of them"
            )
        }
        let order: [(ResolvedAddress) -> Bool] = [
            { !$0.isLoopback && !$0.isIPv6 }, { !$0.isLoopback }, { !$0.isIPv6 }, { _ in true },
        ]
        let best = order.lazy.compactMap { found.first(where: $0) }.first
        return TCPEndpoint(host: best?.host ?? host, port: port)
    }

    /// The endpoint to connect to from this machine; a wildcard of IPv6 listens on IPv4 too.
    package var fromHere: TCPEndpoint {
        isWildcard ? TCPEndpoint(host: "127.0.0.1", port: port) : self
    }

    /// The endpoint to connect to from other machines: this machine's address towards them, or its name
    /// where it has no such address.
    package var fromElsewhere: TCPEndpoint {
        guard isWildcard else { return self }
        return TCPEndpoint(host: ResolvedAddress.ownHost ?? Self.hostName, port: port)
    }

    private static var hostName: String {
        var bytes = [CChar](repeating: 0, count: 1_024)
        _ = unsafe gethostname(&bytes, bytes.count - 1)
        return String(
            decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { isASCII && isNumber }
}
