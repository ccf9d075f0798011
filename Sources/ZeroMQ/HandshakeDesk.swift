import CZeroMQ

/// Answers libzmq's question who may connect (ZAP, RFC 27), for all servers of a context.
///
/// It must exist before the first of them is bound, and as long as they do: where nobody answers,
/// libzmq takes everybody in. Asked at handshakes only, of peers that have proved to own their key.
package struct HandshakeDesk: ~Copyable {
    /// Somebody who wants to connect.
    package struct Applicant: Sendable {
        /// Its key, of which it has the secret half.
        package let key: CurvePublicKey
        /// The address it comes from.
        package let address: String
    }

    /// What servers ask under; libzmq does not ask where there is none.
    static let domain = "manyheads"
    private static let partCountMax = 16

    private let socket: Socket

    /// Opens the desk; a context has one at most.
    package init(in context: Context) throws(ZeroMQError) {
        let socket = try Socket(.router, in: context)
        try socket.bind("inproc://zeromq.zap.01")
        self.socket = socket
    }

    /// Answers all who wait.
    ///
    /// Messages of who is let in carry the key's Z85 as ``Frame/userID``.
    package func answer(
        _ isAdmitted: (Applicant) -> Bool
    ) throws(ZeroMQError) {
        while let request = try socket.receive() {
            // Who asks, an empty part, version, request, domain, address, identity, mechanism, key.
            guard request.count > 4, request.count <= Self.partCountMax else { continue }
            let parts = request.map(\.bytes)
            var key: CurvePublicKey?
            if request.count == 9, parts[7] == Array("CURVE".utf8),
                let found = CurvePublicKey(bytes: parts[8]),
                isAdmitted(
                    Applicant(key: found, address: Self.plain(parts[5])))
            {
                key = found
            }
            // 400 and not a hang-up: the peer is told, and libzmq does not try again by itself.
            let answer = ["1.0", nil, key == nil ? "400" : "200", "", key?.z85 ?? "", ""].map {
                $0.map { Frame(Array($0.utf8)) } ?? request[3]
            }
            _ = try socket.send([request[0], request[1]] + answer)
        }
    }

    /// An address as people write it: one of IPv4 is one also where the socket takes both families.
    private static func plain(_ bytes: [UInt8]) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        return text.hasPrefix("::ffff:") ? String(text.dropFirst("::ffff:".count)) : text
    }

    /// Questions, to be waited for with ``poll(_:timeoutMilliseconds:)``.
    package var pollTarget: PollTarget { socket.pollTarget(.readable) }
}
