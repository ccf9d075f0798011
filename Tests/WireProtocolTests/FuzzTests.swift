import Heads
import Numerics
import TestSupport
import Testing
import Transfer
import WireProtocol

/// Messages that were damaged in every way there is, millions of them by option.
@Suite struct FuzzTests {
    // Goal: no bytes trap a decoder, what is decoded is no larger than the bytes and the limits allow,
    // and it is a value that survives its own encoding. Method: a seeded mutator over all messages
    // of both sides, each result read by both.
    @Test(.timeLimit(.minutes(240))) func decodersWithstandAnything() throws {
        let count = fuzzCount(usual: 20_000)
        var mutator = Mutator(Samples.all.map { $0.encode() }, seed: fuzzSeed)
        var tally: [String: Int] = [:]
        for number in 0..<count {
            let frames = mutator.message()
            let what: Comment = "message \(number) of MANYHEADS_FUZZ_SEED=\(fuzzSeed)"
            do throws(WireError) {
                let message = try WorkerMessage.decode(frames)
                tally["a worker's", default: 0] += 1
                check(.worker(message), frames, what)
            } catch {
                tally[String(error.message.prefix(12)), default: 0] += 1
                // It is shown and sent back.
                #expect(error.message.utf8.count < 1_000, what)
            }
            do throws(WireError) {
                let message = try CoordinatorMessage.decode(frames)
                tally["a coordinator's", default: 0] += 1
                check(.coordinator(message), frames, what)
            } catch {
                #expect(error.message.utf8.count < 1_000, what)
            }
            if let first = frames.first {
                _ = try? FeatureChunk.index(
                    ofEnvelope: first, followedBy: frames.dropFirst().first?.count ?? 0)
            }
        }
        print("\(count) messages, \(tally.sorted { $0.key < $1.key })")
        // Whatever fails at once shows nothing of what lies behind.
        #expect(tally["a worker's", default: 0] > count / 50)
        #expect(tally["a coordinator's", default: 0] > count / 50)
        #expect(tally.count >= 6)
        if isFuzzingHard {
            let byteCount = peakMemoryByteCount()
            print("peak memory \(byteCount >> 20) MiB")
            #expect(byteCount < 400 << 20)
        }
    }

    private func check(_ message: AnyMessage, _ frames: [[UInt8]], _ what: Comment) {
        let again = try? message.decode(message.encode())
        #expect(again == message, what)
        let taken = frames.reduce(0) { $0 + $1.count }
        #expect(message.byteCount <= 64 * taken + WireLimits().classSetByteCountMax, what)
    }
}

extension AnyMessage {
    /// About how much memory the value takes beside its own few words.
    fileprivate var byteCount: Int {
        func setBytes(_ sets: [ClassSet]) -> Int {
            sets.reduce(0) { $0 + 32 + ($1.members.last ?? 0) / 8 }
        }
        func keyBytes(_ keys: [HeadKey]) -> Int {
            keys.reduce(0) { $0 + setBytes($1.tellsSingleClasses ? [$1.classes] : $1.groups) }
        }
        switch self {
        case .worker(.hello(let hello)):
            return (hello.name + hello.host + hello.isa + hello.cpu).utf8.count
        case .worker(.heartbeat(let heartbeat)): return heartbeat.runningBundles.count * 8
        case .worker(.chunkRequest(let indices)): return indices.count * 8
        case .worker(.bundleTrained(let result)):
            switch result.content {
            case .task(let outcome): return outcome.count
            case .heads(let blocks):
                return blocks.flatMap(\.heads).reduce(0) {
                    $0 + $1.parameterCount * 4 + keyBytes([$1.key])
                }
            }
        case .worker(.bundleFailed(let failure)): return failure.reason.utf8.count
        case .coordinator(.assign(let assignment)):
            if case .task(let description) = assignment.content { return description.count }
            return keyBytes(assignment.heads)
        case .coordinator(.materials(let materials)):
            return manifestBytes(materials.manifest)
        case .coordinator(.features(let features)):
            return manifestBytes(features.manifest)
                + (features.derivedHead?.weights.values.count ?? 0) * 4
        case .coordinator(.chunk(let chunk)): return chunk.bytes.count
        default: return 0
        }
    }

    private func manifestBytes(_ manifest: ChunkManifest) -> Int {
        let chunks = manifest.chunks.count * MemoryLayout<Chunk>.stride
        switch manifest.content {
        case .features(let shape): return chunks + shape.classRowCounts.count * 16
        case .materials(let materials):
            return materials.reduce(chunks) { $0 + 64 + $1.name.utf8.count }
        }
    }
}
