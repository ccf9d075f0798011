import CZeroMQ
import Formats
import Glibc

/// Key pairs in files, in the form of CZMQ's certificates, which pyzmq reads and writes too.
///
/// `NAME.key` holds the public half and may go anywhere; `NAME.key_secret` holds both, and only its
/// owner may read it.
package enum KeyFile {
    /// What the name of a public file ends in.
    package static let publicSuffix = ".key"
    /// What the name of a secret file ends in.
    package static let secretSuffix = ".key_secret"

    /// Reads a key pair from a secret file.
    ///
    /// A file that others than its owner may read or write is refused, but for root's, which its
    /// group may read, whoever this process is: so service managers and containers (a Kubernetes
    /// secret with `fsGroup`) hand secrets over.
    ///
    /// - Throws: `badKey` with one sentence; `noCurve` if this libzmq has no CURVE.
    package static func readPair(_ path: String) throws(ZeroMQError) -> CurveKeyPair {
        try Context.requireCurve()
        let entries = try entries(of: path, isSecret: true)
        guard let text = entries["secret-key"] else {
            throw .badKey(
                entries["public-key"] == nil
                    ? "\(path) is no key file; make one with: coordinator keygen DIR"
                    : "\(path) holds a public key only; give the file of the same name that ends in "
                        + secretSuffix)
        }
        guard let secretKey = CurveSecretKey(z85: text) else {
            throw .badKey("the secret key in \(path) is damaged: it is not 40 characters of Z85")
        }
        let pair = try CurveKeyPair(secretKey: secretKey)
        if let found = entries["public-key"], CurvePublicKey(z85: found) != pair.publicKey {
            throw .badKey("the two keys in \(path) do not belong together; the file is damaged")
        }
        return pair
    }

    /// Reads a public file.
    ///
    /// - Throws: `badKey` with one sentence, also for a secret file: it has no business where a
    ///   public one is enough.
    package static func readPublic(_ path: String) throws(ZeroMQError) -> CurvePublicKey {
        let entries = try entries(of: path, isSecret: false)
        guard entries["secret-key"] == nil else {
            throw .badKey(
                "\(path) holds a secret key; give the public file, which ends in \(publicSuffix), "
                    + "and keep the secret one where it belongs")
        }
        guard let text = entries["public-key"] else {
            throw .badKey("\(path) is no key file; make one with: coordinator keygen DIR")
        }
        guard let key = CurvePublicKey(z85: text) else {
            throw .badKey("the public key in \(path) is damaged: it is not 40 characters of Z85")
        }
        return key
    }

    /// The text of a public file.
    package static func text(_ key: CurvePublicKey, name: String) -> String {
        """
        # Manyheads: the public CURVE key of \(name). It may go wherever it is needed.
        metadata
            name = "\(name)"
        curve
            public-key = "\(key.z85)"

        """
    }

    /// The text of a secret file.
    package static func text(_ pair: CurveKeyPair, name: String) -> String {
        """
        # Manyheads: the secret CURVE key of \(name). Nobody else may read it.
        metadata
            name = "\(name)"
        curve
            public-key = "\(pair.publicKey.z85)"
            secret-key = "\(pair.secretKey.z85)"

        """
    }

    /// The lines `name = "value"` of a certificate; the last of a name counts.
    private static func entries(
        of path: String, isSecret: Bool
    ) throws(ZeroMQError) -> [String: String] {
        var entries: [String: String] = [:]
        for line in TextLines.of(try readText(path, isSecret: isSecret)) {
            let line = line.trimmed
            guard line.first != "#", let sign = line.firstIndex(of: "=") else { continue }
            let value = line[line.index(after: sign)...].trimmed
            let isQuoted = value.count > 1 && value.first == "\"" && value.last == "\""
            entries[String(line[..<sign].trimmed)] = String(
                isQuoted ? value.dropFirst().dropLast() : value)
        }
        return entries
    }

    /// A small text file.
    ///
    /// - Throws: `badKey` if it cannot be read or is no text, or is a secret others may read.
    package static func readText(
        _ path: String, isSecret: Bool = false
    ) throws(ZeroMQError) -> String {
        do throws(FormatError) {
            return try FileSystem.readText(path) { (descriptor) throws(FormatError) in
                if isSecret { try refuseReadByOthers(path, descriptor) }
            }
        } catch {
            throw .badKey(error.message)
        }
    }

    /// Refuses a regular file that others may read or write; the cure is one that this user can do.
    private static func refuseReadByOthers(
        _ path: String, _ descriptor: Int32
    ) throws(FormatError) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw .cannotRead(path, errno: errno) }
        let forbidden: mode_t = status.st_uid == 0 ? 0o037 : 0o077
        guard status.st_mode & S_IFMT == S_IFREG, status.st_mode & forbidden != 0 else { return }
        let mode = "0" + String(status.st_mode & 0o777, radix: 8)
        let isOurs = status.st_uid == geteuid() || geteuid() == 0
        // The superuser may write what is not on a medium, or in a mount, for reading only.
        let isFixed = unsafe access(path, W_OK) != 0 && errno == EROFS
        throw FormatError(
            .malformed,
            "others may read the secret key \(path) (mode \(mode)); "
                + (isOurs && !isFixed
                    ? "say: chmod 600 \(path)"
                    : "have whoever puts it there give it mode 0400, or 0440 for root and a group "
                        + "of yours (in Kubernetes: defaultMode: 0440 and an fsGroup), or copy it: "
                        + "install -m 600 \(path) YOUR-COPY"))
    }
}

extension StringProtocol {
    /// Without blanks at both ends.
    fileprivate var trimmed: SubSequence {
        guard let first = firstIndex(where: { !$0.isWhitespace }),
            let last = lastIndex(where: { !$0.isWhitespace })
        else { return self[endIndex...] }
        return self[first...last]
    }
}
