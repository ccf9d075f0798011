import CZeroMQ

/// The public half of a CURVE key pair: it names a peer, and may be shown to anybody.
package struct CurvePublicKey: Hashable, Comparable, Sendable {
    /// How many bytes either half has.
    package static let byteCount = 32

    /// The 32 bytes.
    package let bytes: [UInt8]

    /// The key of these bytes; nil unless they are 32.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// Reads 40 characters of Z85; nil if that is not what they are.
    package init?(z85 text: some StringProtocol) {
        guard let bytes = Z85.decode(text) else { return nil }
        self.init(bytes: bytes)
    }

    /// The 40 characters of Z85 in which files and other programs write it.
    package var z85: String { Z85.encode(bytes) }

    /// The order of the bytes.
    package static func < (left: CurvePublicKey, right: CurvePublicKey) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

/// The secret half of a CURVE key pair, which no description or mirror shows.
package struct CurveSecretKey: Sendable, CustomStringConvertible, CustomReflectable {
    let bytes: [UInt8]

    /// Reads 40 characters of Z85; nil if that is not what they are.
    package init?(z85 text: some StringProtocol) {
        guard let bytes = Z85.decode(text) else { return nil }
        self.bytes = bytes
    }

    /// The 40 characters of Z85: for a file that only its owner reads, or a pipe; never for a log.
    package var z85: String { Z85.encode(bytes) }

    /// Says what it is, not which.
    package var description: String { "a secret key" }

    /// Has no children.
    package var customMirror: Mirror { Mirror(self, children: [(label: String?, value: Any)]()) }
}

/// Both halves.
package struct CurveKeyPair: Sendable {
    /// What others know this peer by.
    package let publicKey: CurvePublicKey
    /// What proves it.
    package let secretKey: CurveSecretKey

    /// The pair of a secret key: its public half is computed.
    ///
    /// - Throws: `noCurve` if this libzmq has no CURVE.
    package init(secretKey: CurveSecretKey) throws(ZeroMQError) {
        try Context.requireCurve()
        var text = [CChar](repeating: 0, count: Z85.keyCharacterCount + 1)
        guard unsafe zmq_curve_public(&text, secretKey.z85) == 0,
            let publicKey = CurvePublicKey(z85: Z85.text(text))
        else {
            throw .failed("cannot compute a public key", errorNumber: zmq_errno())
        }
        self.publicKey = publicKey
        self.secretKey = secretKey
    }

    /// A new pair of the system's randomness.
    ///
    /// - Throws: `noCurve` if this libzmq has no CURVE.
    package static func generate() throws(ZeroMQError) -> CurveKeyPair {
        try Context.requireCurve()
        var publicText = [CChar](repeating: 0, count: Z85.keyCharacterCount + 1)
        var secretText = publicText
        guard unsafe zmq_curve_keypair(&publicText, &secretText) == 0,
            let secretKey = CurveSecretKey(z85: Z85.text(secretText))
        else {
            throw .failed("cannot make a key pair", errorNumber: zmq_errno())
        }
        return try CurveKeyPair(secretKey: secretKey)
    }
}

/// How a socket encrypts, and whom it believes; both ends must do the same.
package enum CurveSecurity: Sendable {
    /// Binds; who may connect is asked of the context's ``HandshakeDesk``.
    case server(CurveKeyPair)
    /// Connects to a server of this public key, and to no other.
    case client(CurveKeyPair, server: CurvePublicKey)
}

/// ZeroMQ's printable form of bytes: RFC 32, five characters for four bytes.
enum Z85 {
    static let keyCharacterCount = 40

    /// The bytes of a key; nil unless it has 40 characters of the alphabet in a valid order.
    static func decode(_ text: some StringProtocol) -> [UInt8]? {
        // libzmq takes no length: what it is given must be as long as it expects.
        guard text.utf8.count == keyCharacterCount,
            text.utf8.allSatisfy({ (33...126).contains($0) })
        else { return nil }
        var bytes = [UInt8](repeating: 0, count: CurvePublicKey.byteCount)
        guard unsafe zmq_z85_decode(&bytes, String(text)) != nil else { return nil }
        return bytes
    }

    static func encode(_ bytes: [UInt8]) -> String {
        precondition(bytes.count == CurvePublicKey.byteCount)
        var characters = [CChar](repeating: 0, count: keyCharacterCount + 1)
        _ = unsafe zmq_z85_encode(&characters, bytes, bytes.count)
        return text(characters)
    }

    /// What a C function has written, without its end.
    static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

extension Context {
    /// Whether this libzmq can encrypt.
    package static var hasCurve: Bool { unsafe zmq_has("curve") != 0 }

    /// - Throws: `noCurve` unless this libzmq can encrypt.
    static func requireCurve() throws(ZeroMQError) {
        guard hasCurve else { throw .noCurve() }
    }
}
