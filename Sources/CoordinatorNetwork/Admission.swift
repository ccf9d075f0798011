import Formats
import Foundation
import Hashing
import Synchronization
package import System
package import ZeroMQ

/// Who may join an encrypted run: the coordinator's key pair and the keys of its workers.
///
/// The list is a file that may be read again at any time; beside it stand guests, the keys of
/// workers that this process starts itself, which are in no file at all.
package final class Admission: Sendable {
    private struct State {
        /// Listed keys by what they are called.
        var listed: [CurvePublicKey: String] = [:]
        var guests: [String: CurveKeyPair] = [:]
        var guestNames: [CurvePublicKey: String] = [:]
        var version = 0
    }

    /// The coordinator's own.
    let pair: CurveKeyPair
    /// The list, as it was given; nil where there are guests only.
    package let listPath: String?
    /// What `keygen` calls the file of the coordinator's public key; nil where there are guests only.
    let serverKeyName: String?
    private let state = Mutex(State())

    /// Reads the coordinator's key and the list.
    ///
    /// - Throws: `data` with one sentence for a file that cannot be used, `unavailable` if libzmq
    ///   cannot encrypt.
    package init(keyPath: String, listPath: String) throws(RunError) {
        do throws(ZeroMQError) {
            pair = try KeyFile.readPair(keyPath)
        } catch {
            throw RunError(error)
        }
        self.listPath = listPath
        let file = keyPath.split(separator: "/").last ?? "server"
        let name =
            file.hasSuffix(KeyFile.secretSuffix)
            ? file.dropLast(KeyFile.secretSuffix.count) : "server"
        serverKeyName = name + KeyFile.publicSuffix
        try reload()
    }

    /// A key pair of this process's own, and guests only.
    package init() throws(ZeroMQError) {
        pair = try CurveKeyPair.generate()
        listPath = nil
        serverKeyName = nil
    }

    /// Changes whenever the list does.
    package var version: Int { state.withLock { $0.version } }

    /// How many keys the list has.
    package var listedCount: Int { state.withLock { $0.listed.count } }

    /// What the owner of a key is called; nil if it may not join.
    package func name(of key: CurvePublicKey) -> String? {
        state.withLock { $0.listed[key] ?? $0.guestNames[key] }
    }

    /// Reads the list again; if it cannot be used, the former one stays.
    ///
    /// - Throws: `data` with one sentence.
    package func reload() throws(RunError) {
        guard let listPath else { return }
        var list = try AllowList.read(listPath)
        // A folder of `keygen` holds it too, and nobody else has its secret half.
        list[pair.publicKey] = nil
        let found = list
        state.withLock { state in
            state.listed = found
            state.version += 1
        }
    }

    /// What a worker that this process starts is told on its standard input: a secret key of its
    /// own and this server's public one, a line each.
    ///
    /// Not by its arguments or environment, which others on the machine may read, nor by a file,
    /// which would be left behind by a crash. The same name gets the same key.
    package func credentials(ofGuest name: String) throws(ZeroMQError) -> String {
        let known = state.withLock { $0.guests[name] }
        let guest = if let known { known } else { try CurveKeyPair.generate() }
        state.withLock { state in
            state.guests[name] = guest
            state.guestNames[guest.publicKey] = name
        }
        return "\(guest.secretKey.z85)\n\(pair.publicKey.z85)\n"
    }

    /// A short name for a key, for people who compare: 12 digits of its SHA-256.
    package static func fingerprint(of key: CurvePublicKey) -> String {
        var hash = SHA256()
        hash.update(key.bytes)
        return String(hexadecimal(hash.finalize()).prefix(12))
    }
}

/// The keys of the workers that may join, in a file or a folder.
package enum AllowList {
    /// Reads a file with a key a line, a public key file, or a folder of public key files.
    ///
    /// - Returns: the keys with what they are called.
    /// - Throws: `data` with one sentence, which names the line if there are lines.
    package static func read(_ path: String) throws(RunError) -> [CurvePublicKey: String] {
        do throws(ZeroMQError) {
            var isFolder: ObjCBool = false
            if unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder),
                isFolder.boolValue
            {
                return try readFolder(path)
            }
            if path.hasSuffix(KeyFile.publicSuffix) {
                return [try KeyFile.readPublic(path): name(ofFile: path)]
            }
            return try parse(try KeyFile.readText(path), path: path)
        } catch {
            throw RunError(error)
        }
    }

    /// Understands a list's text: on each line a public key and, if you like, a name.
    ///
    /// A line that begins with `#` is a comment; no key does, since Z85 has it as its last character.
    package static func parse(
        _ text: String, path: String
    ) throws(ZeroMQError) -> [CurvePublicKey: String] {
        var list: [CurvePublicKey: String] = [:]
        for (index, line) in TextLines.of(text).enumerated() {
            let words = line.split(maxSplits: 1, whereSeparator: \.isWhitespace)
            guard let first = words.first else { continue }
            if let key = CurvePublicKey(z85: first) {
                let name = words.dropFirst().first?.trimmingCharacters(in: .whitespaces) ?? ""
                list[key] = name.isEmpty ? "line \(index + 1)" : name
            } else if first.first != "#" {
                // The line is not shown: it may be a secret in the wrong place.
                throw .badKey(
                    "\(path), line \(index + 1): a line is a public key of 40 characters and, if you like, a name; comments begin with #"
                )
            }
        }
        return list
    }

    private static func readFolder(_ path: String) throws(ZeroMQError) -> [CurvePublicKey: String] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
            throw .badKey("cannot read the folder of keys \(path)")
        }
        var list: [CurvePublicKey: String] = [:]
        for name in names.sorted() where name.hasSuffix(KeyFile.publicSuffix) {
            let file = path + "/" + name
            list[try KeyFile.readPublic(file)] = self.name(ofFile: file)
        }
        return list
    }

    private static func name(ofFile path: String) -> String {
        String(path.split(separator: "/").last?.dropLast(KeyFile.publicSuffix.count) ?? "")
    }
}

extension RunError {
    /// Why nothing is encrypted, or nobody reached.
    package init(_ error: ZeroMQError) {
        self.init(
            error.code == .badKey ? .data : .unavailable,
            error.message + SystemLimit.ending(error.errorNumber))
    }
}
