import Foundation
import Synchronization
import TestSupport

/// Hosts with addresses of their own on one network: network namespaces of this machine.
///
/// They are gone with the last reference. What a killed test process left is removed by the next.
final class VirtualNetwork: Sendable {
    /// What joins the hosts.
    enum Wire: Sendable {
        /// Pairs of virtual cables into a bridge.
        case bridge
        /// The same, and the kernel's own network emulator at the end of each cable.
        case emulator(WireConditions)
        /// A program between the hosts, which treats every frame as the conditions say.
        case relay(WireConditions, seed: UInt64)
    }

    /// A step that failed, with what the tool said.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private static let numbers = Atomic<Int>(0)

    private let name: String
    private let hostCount: Int
    private let relay: FrameRelay?

    /// Whether this user may have namespaces, links and bridges.
    static let isPermitted: Bool = {
        sweep()
        let name = "manyheads-\(getpid())-probe"
        defer { try? shell("ip netns delete \(name)") }
        return (try? shell("ip netns add \(name) && ip -n \(name) link add bridge0 type bridge"))
            != nil
    }()

    /// Whether this kernel can emulate a bad network by itself.
    static let hasEmulator: Bool = {
        guard isPermitted else { return false }
        let name = "manyheads-\(getpid())-netem"
        defer { try? shell("ip netns delete \(name)") }
        let probe = "ip netns add \(name) && tc -n \(name) qdisc add dev lo root netem delay 1ms"
        return (try? shell(probe)) != nil
    }()

    /// Makes hosts 1, 2, … on one network.
    init(hostCount: Int, _ wire: Wire) throws {
        let number = Self.numbers.add(1, ordering: .relaxed).newValue
        let name = "manyheads-\(getpid())-\(number)"
        self.name = name
        self.hostCount = hostCount
        do {
            switch wire {
            case .bridge:
                try Self.shell(Self.bridgeScript, name, "\(hostCount)", "")
                relay = nil
            case .emulator(let conditions):
                try Self.shell(
                    Self.bridgeScript, name, "\(hostCount)", conditions.emulatorArguments)
                relay = nil
            case .relay(let conditions, let seed):
                let relay = try FrameRelay(portCount: hostCount, conditions, seed: seed)
                try Self.shell(
                    Self.relayScript, name, "\(hostCount)", relay.interfaces.joined(separator: " "))
                self.relay = relay
            }
        } catch {
            Self.remove(name, hostCount)
            throw error
        }
    }

    deinit {
        relay?.stop()
        Self.remove(name, hostCount)
    }

    /// The address of a host.
    func address(of host: Int) -> String { "10.213.7.\(host)" }

    /// What the relay has done so far; nil where the kernel does it.
    var traffic: FrameRelay.Traffic? { relay?.traffic }

    /// Starts a program on a host.
    func start(_ executable: URL, _ arguments: [String], on host: Int) throws -> RunningProcess {
        // `ip netns exec` becomes the program: signals reach it.
        try RunningProcess(
            URL(filePath: "/usr/bin/env"),
            ["ip", "netns", "exec", "\(name)-\(host)", executable.path] + arguments)
    }

    /// Pulls a host's cable out, or plugs it in again.
    func setLink(of host: Int, isUp: Bool) throws {
        let word = isUp ? "up" : "down"
        guard relay == nil else {
            return try Self.shell("ip -n \(name)-\(host) link set eth0 \(word)")
        }
        try Self.shell("ip -n \(name)-net link set port\(host) \(word)")
    }

    private static let bridgeScript = """
        ip netns add "$1-net"
        ip -n "$1-net" link add bridge0 type bridge
        ip -n "$1-net" link set bridge0 up
        for i in $(seq "$2"); do
            ip netns add "$1-$i"
            ip link add eth0 netns "$1-$i" type veth peer name "port$i" netns "$1-net"
            ip -n "$1-net" link set "port$i" master bridge0 up
            ip -n "$1-$i" address add "10.213.7.$i/24" dev eth0
            ip -n "$1-$i" link set lo up
            ip -n "$1-$i" link set eth0 up
            [ -z "$3" ] || tc -n "$1-$i" qdisc add dev eth0 root netem $3
        done
        """

    private static let relayScript = """
        i=0
        for tap in $3; do
            i=$((i + 1))
            ip netns add "$1-$i"
            ip link set "$tap" netns "$1-$i" name eth0
            ip -n "$1-$i" address add "10.213.7.$i/24" dev eth0
            ip -n "$1-$i" link set lo up
            ip -n "$1-$i" link set eth0 up
        done
        """

    private static func remove(_ name: String, _ hostCount: Int) {
        for end in ["net"] + (1...hostCount).map(String.init) {
            try? shell("ip netns delete \(name)-\(end)")
        }
    }

    /// Removes the namespaces of test processes that were killed.
    private static func sweep() {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/run/netns")) ?? []
        for name in names where name.hasPrefix("manyheads-") {
            let owner = name.split(separator: "-").dropFirst().first.flatMap { Int32($0) }
            guard let owner, kill(owner, 0) != 0 else { continue }
            try? shell("ip netns delete \(name)")
        }
    }

    private static func shell(_ script: String, _ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/timeout")
        process.arguments = ["60", "/bin/sh", "-ec", script, "sh"] + arguments
        let output = Pipe()
        process.standardError = output
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        let said = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(description: String(decoding: said, as: UTF8.self))
        }
    }
}

/// What a network does to what is sent over it.
struct WireConditions: Sendable {
    var delayMilliseconds = 0.0
    /// Up to so much more or less.
    var jitterMilliseconds = 0.0
    /// Share of the frames that are lost.
    var loss = 0.0
    /// Share of the frames that overtake those that are delayed.
    var reordering = 0.0
    /// For each host, outwards.
    var bitsPerSecond = 1e9

    /// The same for `tc … netem`.
    var emulatorArguments: String {
        "delay \(delayMilliseconds)ms \(jitterMilliseconds)ms loss \(loss * 100)% "
            + "reorder \(reordering * 100)% rate \(Int(bitsPerSecond / 1_000))kbit limit 10000"
    }
}
