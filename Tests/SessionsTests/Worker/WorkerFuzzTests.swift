import Heads
import Numerics
import Sessions
import TestSupport
import Testing
import WireProtocol

/// A worker's session whose coordinator says anything.
@Suite struct WorkerFuzzTests {
    private static let limit = 1 << 20

    private static func samples(_ task: Sample.Task) -> [[[UInt8]]] {
        var messages: [CoordinatorMessage] = [
            .welcome(Sample.welcome()), .welcome(Sample.welcome(run: 2)), .broadcastComplete,
            .features(task.description(broadcastComplete: true)),
            .features(Sample.Task(seed: 3).description(broadcastComplete: false)),
            .refused(Refused(code: .malformed, message: "no")),
            .refused(Refused(code: .unknownWorker, message: "who")),
            .finished(.aborted(reason: "no")), .heartbeat(incarnation: 7),
        ]
        messages += task.chunks.map { .chunk($0) }
        let materials = Sample.Materials()
        messages += [
            .materials(materials.description(broadcastComplete: true)),
            .materials(materials.description(broadcastComplete: false)),
        ]
        messages += materials.messages
        for bundle in 0..<4 as Range<UInt64> { messages.append(.assign(Sample.task(bundle))) }
        for bundle in 0..<12 as Range<UInt64> {
            messages.append(.assign(Sample.assignment(bundle)))
            messages.append(.revoke(bundle: bundle, attempt: 1, mayFinish: bundle % 2 == 0))
            messages.append(.acknowledge(bundle: bundle, attempt: 1))
        }
        return messages.map { $0.encode() }
    }

    /// What the network thread would make of frames.
    private static func event(_ frames: [[UInt8]]) -> WorkerSession.Event {
        do throws(WireError) {
            return .message(try CoordinatorMessage.decode(frames))
        } catch {
            return .unreadable(error)
        }
    }

    // Goal: whatever a coordinator sends, nothing traps, what is kept is bounded, and the same session
    // works for an honest coordinator after it. Method: a seeded mutator in every state of the session,
    // then a task done from hello to farewell.
    @Test(.timeLimit(.minutes(240))) func aHostileCoordinatorChangesNothing() throws {
        let count = fuzzCount(usual: 20_000)
        let task = Sample.Task()
        var mutator = Mutator(Self.samples(task), seed: fuzzSeed &+ 1)
        var driver = Self.driver()
        var running: [(ticket: WorkerSession.Ticket, bundle: UInt64)] = []
        var exitCount = 0
        var begunCount = 0
        var preparationCount = 0
        for number in 0..<count {
            let what: Comment = "message \(number) of MANYHEADS_FUZZ_SEED=\(fuzzSeed)"
            var actions = driver.feed(Self.event(mutator.message()))
            switch mutator.draw(20) {
            case 0: actions += driver.wait(.milliseconds(mutator.draw(3_000)))
            case 1..<4:
                if !running.isEmpty {
                    let (ticket, bundle) = running.remove(at: mutator.draw(running.count))
                    actions += driver.feed(.bundleTrained(ticket, Sample.result(bundle)))
                }
            default: break
            }
            for preparation in actions.preparations {
                preparationCount += 1
                actions += driver.feed(.tasksPrepared(preparation, failure: nil))
            }
            running += actions.begun
            begunCount += actions.begun.count
            #expect(actions.count <= 100 + WorkerSession.keptCountMax, what)
            #expect(running.count <= 2, what)
            #expect(driver.session.heldBundleCount <= 2 + 4 + WorkerSession.keptCountMax, what)
            if actions.exit != nil {
                exitCount += 1
                driver = Self.driver()
                // Few get that far by chance.
                if mutator.generator.chance(0.7) { driver.becomeReady(task) }
                running = []
            }
            if number % 2_000 == 1_999 {
                try Self.serveHonestly(&driver, running)
                driver = Self.driver()
                running = []
            }
        }
        print("\(count) messages, \(begunCount) bundles begun, \(exitCount) exits")
        #expect(begunCount > count / 1_000)
        #expect(exitCount > 0)
        #expect(preparationCount > 0)
    }

    private static func driver() -> Driver {
        Driver(stays: false, slotCount: 2, featureByteCountMax: limit, takesTasks: true)
    }

    /// Another coordinator takes over, and has a bundle trained.
    private static func serveHonestly(
        _ driver: inout Driver, _ running: [(ticket: WorkerSession.Ticket, bundle: UInt64)]
    ) throws {
        // The connection is silent, so a new one is made.
        _ = driver.wait(.seconds(4_000))
        for (ticket, bundle) in running {
            let actions = driver.feed(.bundleTrained(ticket, Sample.result(bundle)))
            #expect(actions.sent.isEmpty)
        }
        driver.receive(.welcome(Sample.welcome(run: 9)))
        let task = Sample.Task(seed: 77)
        driver.receive(.features(task.description(broadcastComplete: false)))
        for chunk in task.chunks { driver.receive(.chunk(chunk)) }
        let begun = driver.receive(.assign(Sample.assignment(500))).begun
        #expect(begun.map(\.bundle) == [500])
        let ticket = try #require(begun.first?.ticket)
        let result = Sample.result(500)
        #expect(driver.feed(.bundleTrained(ticket, result)).sent == [.bundleTrained(result)])
        #expect(driver.receive(.finished(.complete)).exit == .done)
    }
}
