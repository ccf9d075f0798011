import Foundation
import Synchronization
import System
import ZeroMQ

/// Looks who is at an endpoint while no coordinator answers, on a thread of its own: libzmq tries on
/// without a word, and the resolver may take its time.
final class CoordinatorSearch: Sendable {
    /// What was found.
    struct Finding: Equatable, Sendable {
        /// The address to connect to, of several the one that answers best; nil where there is none.
        let address: TCPEndpoint?
        let peer: Peer
    }

    /// Who is there, from nobody to a ZeroMQ socket.
    enum Peer: Equatable, Sendable {
        /// The name has no address, in the resolver's words.
        case unresolved(String)
        /// There is no connection, in the system's words.
        case unreachable(String)
        case connected(PeerGreeting)

        /// The greater, the nearer to a coordinator.
        fileprivate var rank: Int {
            switch self {
            case .unresolved: 0
            case .unreachable: 1
            case .connected(.silent), .connected(.foreign): 2
            case .connected(.zeroMQ): 3
            }
        }
    }

    private struct State {
        var isLooking = false
        var finding: Finding?
    }

    private static let connectMilliseconds = 4_000
    private static let answerMilliseconds = 2_000
    /// Addresses of a name that are looked at.
    private static let addressCountMax = 8

    let endpoint: TCPEndpoint
    private let state = Mutex(State())

    /// A search at this endpoint, which has not begun.
    init(_ endpoint: TCPEndpoint) { self.endpoint = endpoint }

    /// Begins to look, unless it is doing so.
    func look() {
        let begins = state.withLock { state in
            defer { state.isLooking = true }
            return !state.isLooking
        }
        guard begins else { return }
        // Nobody waits for it: a resolver that hangs must not keep a worker from ending.
        Thread.detachNewThread { [self] in
            let finding = Self.find(endpoint)
            state.withLock { $0 = State(isLooking: false, finding: finding) }
        }
    }

    /// What was found since the last call.
    func take() -> Finding? {
        state.withLock { state in
            defer { state.finding = nil }
            return state.finding
        }
    }

    private static func find(_ endpoint: TCPEndpoint) -> Finding {
        let addresses: [ResolvedAddress]
        do throws(ResolutionError) {
            addresses = try ResolvedAddress.all(of: endpoint.host)
        } catch {
            return Finding(address: nil, peer: .unresolved(error.words))
        }
        var best: Finding?
        for address in addresses.prefix(addressCountMax) {
            let found = Finding(
                address: TCPEndpoint(host: address.host, port: endpoint.port),
                peer: peer(at: address, port: endpoint.port))
            if found.peer.rank > best?.peer.rank ?? -1 { best = found }
            if case .connected(.zeroMQ) = found.peer { break }
        }
        return best ?? Finding(address: nil, peer: .unresolved("no address"))
    }

    private static func peer(at address: ResolvedAddress, port: UInt16) -> Peer {
        do throws(TCPProbe.Failure) {
            let probe = try TCPProbe(address, port: port, withinMilliseconds: connectMilliseconds)
            return .connected(
                .exchange {
                    probe.send($0)
                } receive: {
                    probe.receive($0, withinMilliseconds: answerMilliseconds)
                })
        } catch {
            return .unreachable(error.words)
        }
    }
}

extension CoordinatorSearch.Finding {
    /// What keeps a worker from its coordinator, then the cure, if one can be told.
    ///
    /// - Parameter isEncrypted: whether the worker has keys.
    func reason(_ endpoint: TCPEndpoint, isEncrypted: Bool) -> String {
        switch peer {
        case .unresolved: "no coordinator at \(endpoint): \(words)"
        case .unreachable: "no coordinator at \(endpoint) yet: \(words)"
        case .connected(.silent):
            "no coordinator at \(endpoint): \(words); is it the right port, and not stopped?"
        case .connected(.foreign): "no coordinator at \(endpoint): \(words); check the port"
        case .connected(.zeroMQ("CURVE", _)) where !isEncrypted:
            "the coordinator at \(endpoint) encrypts everything; give --key and --server-key"
        case .connected(.zeroMQ("NULL", _)) where isEncrypted:
            "the coordinator at \(endpoint) does not encrypt; leave out --key and --server-key, or start it with --key and --allow"
        case .connected(.zeroMQ(_, "XPUB")):
            "\(endpoint) is where a coordinator sends its features; connect to its control port, by default one less"
        case .connected(.zeroMQ(_, .some(let type))) where type != "ROUTER":
            "what listens at \(endpoint) is no coordinator but a ZeroMQ socket of type \(type); check the port"
        case .connected(.zeroMQ):
            "what listens at \(endpoint) speaks ZeroMQ, but does not answer as a coordinator does"
        }
    }

    /// What was seen, in the words of whoever saw it.
    var words: String {
        switch peer {
        case .unresolved(let words): "its name cannot be resolved: \(words)"
        case .unreachable(let words): words
        case .connected(.silent): "what listens there takes the connection and says nothing"
        case .connected(.foreign(let words)): "what listens there says \"\(words)\""
        case .connected(.zeroMQ(let mechanism, let type)):
            "a ZeroMQ socket listens there, \(type ?? "of some type"), \(mechanism)"
        }
    }

    /// Whether it is what a worker sees that is there before its coordinator.
    var isOrdinary: Bool { if case .unreachable = peer { true } else { false } }

    /// Whether a connection to it can come to something.
    func mayAnswer(isEncrypted: Bool) -> Bool {
        switch peer {
        case .connected(.zeroMQ("CURVE", _)): isEncrypted
        case .connected(.zeroMQ("NULL", let type)): !isEncrypted && type == "ROUTER"
        default: false
        }
    }
}
