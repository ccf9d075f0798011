import Foundation
import TestSupport

/// What befalls one run: a function of a seed, and nothing else.
///
/// What comes of it is not: the processes are real, and so is the time they take.
struct ChaosPlan: Sendable {
    /// Where a run stands, as its coordinator shows it.
    enum Phase: String, CaseIterable, Sendable {
        case backbone
        case features
        case broadcast
        case heads
        case evaluation
    }

    /// When something happens.
    enum Moment: Sendable {
        /// Milliseconds after the first coordinator started.
        case time(Int)
        /// Milliseconds after a coordinator was first seen in a phase.
        case phase(Phase, Int)
    }

    /// What happens.
    enum Act: Sendable {
        case startWorker
        /// SIGKILL.
        case killWorker(pick: Int)
        /// SIGSTOP and, after some milliseconds, SIGCONT.
        case freezeWorker(pick: Int, Int)
        /// SIGTERM.
        case drainWorker(pick: Int)
        /// SIGTERM and soon SIGINT.
        case stopWorker(pick: Int)
        /// SIGKILL, and another one on the same folder after some milliseconds.
        case killCoordinator(pause: Int)
        /// SIGSTOP and, after some milliseconds, SIGCONT.
        case freezeCoordinator(Int)
        /// SIGSTOP and SIGKILL, so that what comes meanwhile is never answered.
        case freezeAndKillCoordinator(Int, pause: Int)
        /// SIGTERM or SIGINT, perhaps twice, and another one on the same folder.
        case interruptCoordinator(Int32, twice: Bool, pause: Int)
        /// A second coordinator on the folder.
        case intrude

        /// Its name in reports.
        var name: String {
            switch self {
            case .startWorker: "worker started"
            case .killWorker: "worker killed"
            case .freezeWorker: "worker frozen"
            case .drainWorker: "worker drained"
            case .stopWorker: "worker told twice"
            case .killCoordinator: "coordinator killed"
            case .freezeCoordinator: "coordinator frozen"
            case .freezeAndKillCoordinator: "coordinator frozen and killed"
            case .interruptCoordinator: "coordinator interrupted"
            case .intrude: "intruder"
            }
        }
    }

    /// Something that happens once.
    struct Misfortune: Sendable {
        let moment: Moment
        let act: Act
    }

    let seed: UInt64
    /// Workers of the coordinator's own.
    let localWorkerCount: Int
    /// Workers from elsewhere, at the beginning.
    let workerCount: Int
    /// Those of a time in order of time, then those of phases.
    let misfortunes: [Misfortune]

    /// A freeze after which a worker is given up for lost: three missed heartbeats and some.
    static let longFreeze = 3_400...4_600
    /// How long things keep happening by the clock.
    private static let horizon = 6_000
}

extension ChaosPlan {
    /// The plan of a seed.
    init(seed: UInt64) {
        var chance = SeededGenerator(seed: seed)
        self.seed = seed
        localWorkerCount = chance.chance(0.4) ? 1 : 0
        workerCount = Int.random(in: 1...2, using: &chance)
        let times = (0..<Int.random(in: 5...9, using: &chance)).map { _ in
            Int.random(in: 100...Self.horizon, using: &chance)
        }
        var misfortunes = times.sorted().map {
            Misfortune(moment: .time($0), act: Self.anyAct(&chance))
        }
        for phase in Phase.allCases where chance.chance(0.45) {
            let delay = Int.random(in: Self.delays(in: phase), using: &chance)
            misfortunes.append(
                Misfortune(moment: .phase(phase, delay), act: Self.coordinatorAct(&chance)))
        }
        self.misfortunes = misfortunes
    }

    /// Delays that mostly end within the phase.
    private static func delays(in phase: Phase) -> ClosedRange<Int> {
        switch phase {
        case .backbone: 0...900
        case .features: 0...60
        case .broadcast: 0...25
        case .heads: 30...2_500
        case .evaluation: 0...15
        }
    }

    private static func anyAct(_ chance: inout SeededGenerator) -> Act {
        let pick = Int.random(in: 0..<1_000, using: &chance)
        let short = Int.random(in: 50...1_500, using: &chance)
        let long = Int.random(in: longFreeze, using: &chance)
        switch Int.random(in: 0..<20, using: &chance) {
        case 0..<4: return .startWorker
        case 4..<7: return .killWorker(pick: pick)
        case 7..<10: return .freezeWorker(pick: pick, long)
        case 10: return .freezeWorker(pick: pick, short)
        case 11..<13: return .drainWorker(pick: pick)
        case 13: return .stopWorker(pick: pick)
        case 14: return .intrude
        default: return coordinatorAct(&chance)
        }
    }

    private static func coordinatorAct(_ chance: inout SeededGenerator) -> Act {
        let pause = chance.chance(0.5) ? 0 : Int.random(in: 0...1_000, using: &chance)
        switch Int.random(in: 0..<10, using: &chance) {
        case 0..<5: return .killCoordinator(pause: pause)
        case 5: return .freezeCoordinator(Int.random(in: 50...2_000, using: &chance))
        // Beyond what workers bear: they connect again.
        case 6: return .freezeCoordinator(Int.random(in: 5_200...6_000, using: &chance))
        case 7:
            return .freezeAndKillCoordinator(
                Int.random(in: 300...2_000, using: &chance), pause: pause)
        default:
            return .interruptCoordinator(
                chance.chance(0.5) ? SIGTERM : SIGINT, twice: chance.chance(0.3), pause: pause)
        }
    }
}
