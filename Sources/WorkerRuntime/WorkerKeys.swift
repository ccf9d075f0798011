import Glibc
import ZeroMQ

/// What a worker needs to join an encrypted run: a key pair of its own and the server's public key.
package struct WorkerKeys: Sendable {
    let pair: CurveKeyPair
    let server: CurvePublicKey

    /// Reads the worker's secret file and the server's public one.
    ///
    /// - Throws: `WorkerError` with one sentence and the exit status.
    package init(keyPath: String, serverKeyPath: String) throws(WorkerError) {
        do throws(ZeroMQError) {
            pair = try KeyFile.readPair(keyPath)
            server = try KeyFile.readPublic(serverKeyPath)
        } catch {
            throw .keys(error)
        }
    }

    /// Reads two lines of standard input, as a coordinator gives them to the workers it starts: the
    /// worker's secret key and the server's public one.
    ///
    /// - Throws: `WorkerError` if there are no such lines.
    package static func fromStandardInput() throws(WorkerError) -> WorkerKeys {
        guard let secret = line().flatMap({ CurveSecretKey(z85: $0) }),
            let server = line().flatMap({ CurvePublicKey(z85: $0) })
        else {
            throw WorkerError(
                message: "standard input does not begin with two lines of keys; give --key instead",
                exitStatus: 65)
        }
        do throws(ZeroMQError) {
            return WorkerKeys(pair: try CurveKeyPair(secretKey: secret), server: server)
        } catch {
            throw .keys(error)
        }
    }

    private init(pair: CurveKeyPair, server: CurvePublicKey) {
        self.pair = pair
        self.server = server
    }

    var security: CurveSecurity { .client(pair, server: server) }

    /// A line of standard input, byte by byte: nothing behind it is taken away.
    private static func line() -> String? {
        var bytes: [UInt8] = []
        // A key has 40.
        while bytes.count <= 64 {
            var byte: UInt8 = 0
            let count = unsafe read(STDIN_FILENO, &byte, 1)
            if count < 0 && errno == EINTR { continue }
            guard count == 1 else { return nil }
            if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
            // Of a file with the line ends of Windows.
            if byte != UInt8(ascii: "\r") { bytes.append(byte) }
        }
        return nil
    }
}
