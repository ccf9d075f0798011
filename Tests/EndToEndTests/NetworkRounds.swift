import Foundation
import TestSupport
import Testing

/// Rounds over networks drawn by a seed, in which links are cut and the coordinator vanishes.
enum NetworkRounds {
    /// What happens, one after the other.
    enum Event: Sendable {
        /// A host's cable is out for so many milliseconds.
        case cut(host: Int, Int)
        /// The coordinator dies with its link, and is back after so many milliseconds.
        case vanish(Int)
    }

    /// `MANYHEADS_NETWORK_ROUNDS` of them, from `MANYHEADS_NETWORK_SEED` on; none if neither is set.
    static let seeds: [UInt64] = {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["MANYHEADS_NETWORK_ROUNDS"].flatMap(UInt64.init)
        let first = environment["MANYHEADS_NETWORK_SEED"].flatMap(UInt64.init)
        if count == nil && first == nil { return [] }
        return (0..<(count ?? 1)).map { (first ?? 0) &+ $0 }
    }()

    static var minutes: Int { 5 + 2 * seeds.count }

    /// The network of a seed.
    static func conditions(_ chance: inout SeededGenerator) -> WireConditions {
        let delay = Double.random(in: 0...25, using: &chance)
        return WireConditions(
            delayMilliseconds: delay,
            jitterMilliseconds: Double.random(in: 0...delay, using: &chance),
            loss: Double.random(in: 0...0.07, using: &chance),
            reordering: Double.random(in: 0...0.3, using: &chance),
            bitsPerSecond: Double.random(in: 8e6...100e6, using: &chance))
    }

    /// What happens, and after how many milliseconds each.
    static func events(_ chance: inout SeededGenerator) -> [(after: Int, Event)] {
        (0..<Int.random(in: 1...3, using: &chance)).map { _ in
            let after = Int.random(in: 300...2_500, using: &chance)
            if chance.chance(0.4) {
                return (after, .vanish(Int.random(in: 0...1_500, using: &chance)))
            }
            let host = Int.random(in: 1...3, using: &chance)
            return (after, .cut(host: host, Int.random(in: 300...5_500, using: &chance)))
        }
    }
}
