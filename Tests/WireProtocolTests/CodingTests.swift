import Heads
import Numerics
import Testing
import WireProtocol

/// Every message whole, cut, flipped, and sent to the wrong side.
@Suite struct CodingTests {
    private func outcome(
        _ message: AnyMessage, _ frames: [[UInt8]]
    ) -> Result<AnyMessage, WireError> {
        do throws(WireError) {
            return .success(try message.decode(frames))
        } catch {
            return .failure(error)
        }
    }

    @Test(arguments: Samples.all) func messagesSurvive(message: AnyMessage) throws {
        let frames = message.encode()
        let decoded = try message.decode(frames)
        #expect(decoded == message)
        #expect(decoded.encode() == frames)
    }

    // A receiver may leave the rows of a chunk where they are, and is as strict.
    @Test(arguments: Samples.all) func envelopesTellChunksApart(message: AnyMessage) throws {
        let frames = message.encode()
        let index = try FeatureChunk.index(
            ofEnvelope: frames[0], followedBy: frames.dropFirst().first?.count ?? 0)
        if case .coordinator(.chunk(let chunk)) = message {
            #expect(index == chunk.index)
            #expect(throws: WireError.self) {
                try FeatureChunk.index(
                    ofEnvelope: frames[0], followedBy: WireLimits().chunkByteCountMax + 1)
            }
        } else {
            #expect(index == nil)
        }
        #expect(throws: WireError.self) {
            try FeatureChunk.index(ofEnvelope: frames[0].dropLast() + [0xFF, 0xFF], followedBy: 1)
        }
    }

    // ZMTP 3.1, section 3: flags and a length of one byte, or of eight above 255.
    @Test func messagesCountWithTheirHeaders() {
        let frames = [0, 1, 255, 256, 70_000].map { [UInt8](repeating: 0, count: $0) }
        #expect(WireProtocol.byteCount(ofMessage: []) == 0)
        #expect(
            WireProtocol.byteCount(ofMessage: frames) == 2 + 3 + 257 + (256 + 9) + (70_000 + 9))
    }

    // A cut envelope may still parse, since fields may be absent, but never into a bad value; a cut
    // frame of tensors never does. A chunk's length is for the manifest to judge.
    @Test(arguments: Samples.all) func cutMessagesDoNoHarm(message: AnyMessage) throws {
        let frames = message.encode()
        for (position, frame) in frames.enumerated() {
            for count in 0..<frame.count {
                var cut = frames
                cut[position] = Array(frame.prefix(count))
                switch outcome(message, cut) {
                case .success(let decoded):
                    let again = try decoded.decode(decoded.encode())
                    #expect(again == decoded)
                    if position > 0, case .coordinator(.chunk) = message { continue }
                    #expect(position == 0, "\(count) of \(frame.count) bytes were enough")
                case .failure(let error):
                    #expect(!error.message.isEmpty)
                }
            }
        }
        for count in 0..<frames.count {
            let shortened = outcome(message, Array(frames.prefix(count)))
            #expect(throws: WireError.self) { try shortened.get() }
        }
        for extra in [[], [0]] as [[UInt8]] {
            let lengthened = outcome(message, frames + [extra])
            #expect(throws: WireError.self) { try lengthened.get() }
        }
    }

    @Test(arguments: Samples.all) func flippedBitsDoNoHarm(message: AnyMessage) throws {
        let frames = message.encode()
        for (position, frame) in frames.enumerated() {
            for bit in 0..<frame.count * 8 {
                var flipped = frames
                flipped[position][bit / 8] ^= 1 << UInt8(bit % 8)
                if case .success(let decoded) = outcome(message, flipped) {
                    let again = try decoded.decode(decoded.encode())
                    #expect(again == decoded, "bit \(bit) of frame \(position)")
                }
            }
        }
    }

    // Goal: no bytes at all bring the decoder down. Method: seeded splices of valid messages.
    @Test(arguments: 0..<20 as Range<UInt64>) func splicedMessagesDoNoHarm(seed: UInt64) throws {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
        func draw(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let samples = Samples.all
        for _ in 0..<500 {
            let message = samples[draw(samples.count)]
            var frames = message.encode()
            let other = samples[draw(samples.count)].encode()[0]
            let from = draw(other.count)
            let piece = other[from..<min(other.count, from + 1 + draw(12))]
            let at = draw(frames[0].count + 1)
            let end = min(frames[0].count, at + draw(8))
            frames[0].replaceSubrange(at..<end, with: piece)
            if case .success(let decoded) = outcome(message, frames) {
                let again = try decoded.decode(decoded.encode())
                #expect(again == decoded, "seed \(seed)")
            }
        }
    }

    /// Else nobody would answer the worker, and it would wait for ever.
    @Test func namesFromACommandLineAreSentAsTheyAreTaken() throws {
        let hello = Hello(
            incarnation: 1, name: "a\u{1B}[2J\nb", host: "caf\u{E9}\u{200D}", isa: "scalar",
            threadCount: 1, slotCount: 1, processID: 1)
        let sent = try WorkerMessage.decode(WorkerMessage.hello(hello).encode())
        guard case .hello(let taken) = sent else {
            Issue.record("\(sent)")
            return
        }
        #expect(taken.name == "a [2J b")
        #expect(taken.host == "caf\u{E9} ")
    }

    @Test(arguments: Samples.all) func theOtherSideRefuses(message: AnyMessage) {
        let frames = message.encode()
        let error = #expect(throws: WireError.self) { try message.decodeByOtherSide(frames) }
        #expect(error?.code == .unknownBody)
    }

    @Test(arguments: Samples.all) func anotherVersionIsToldApart(message: AnyMessage) throws {
        for version in [0, 1, 300, UInt32.max] {
            var frames = message.encode()
            // Field 1 is written first: its tag and the version in one byte.
            #expect(frames[0].prefix(2) == [8, 7])
            frames[0].removeFirst(2)
            frames[0] = RawFields().varint(1, UInt64(version)).bytes + frames[0]
            if case .coordinator(.refused) = message {
                let decoded = try message.decode(frames)
                #expect(decoded == message)
                continue
            }
            let error = #expect(throws: WireError.self) { try message.decode(frames) }
            #expect(error?.code == .versionMismatch)
            #expect(error?.peerVersion == version)
        }
    }

    // A later release's hello may mean other things by the same fields.
    @Test func anotherVersionsHelloYieldsItsVersion() {
        for content in [
            RawFields(), RawFields().varint(5, 1 << 31), RawFields().varint(2, 1),
            RawFields().nested(2, [0xFF]), RawFields(bytes: [0xFF, 0xFF]),
        ] {
            let hello = RawFields.envelope(10, content, version: 8)
            let error = #expect(throws: WireError.self) { try WorkerMessage.decode([hello]) }
            #expect(error?.code == .versionMismatch)
            #expect(error?.peerVersion == 8)
            #expect(error?.message.hasPrefix("protocol version 7 wanted, 8 received") == true)
        }
    }

    @Test func unknownFieldsAreTolerated() throws {
        for message in Samples.all {
            var frames = message.encode()
            frames[0] = RawFields(bytes: frames[0]).varint(2_000, 5).nested(2_001, [1, 2]).bytes
            let decoded = try message.decode(frames)
            #expect(decoded == message)
        }
        let goodbye = RawFields.envelope(16, RawFields().varint(9, 1).nested(10, [3]))
        let decoded = try WorkerMessage.decode([goodbye])
        #expect(decoded == .goodbye)
    }

    @Test func unknownBodiesAreRefused() {
        for frame in [
            RawFields().varint(1, UInt64(WireProtocol.version)).bytes,
            RawFields.envelope(17, RawFields()),
            RawFields.envelope(60, RawFields()), RawFields.envelope(1_000, RawFields()),
        ] {
            let first = #expect(throws: WireError.self) { try WorkerMessage.decode([frame]) }
            #expect(first?.code == .unknownBody)
            let second = #expect(throws: WireError.self) {
                try CoordinatorMessage.decode([frame])
            }
            #expect(second?.code == .unknownBody)
        }
    }

    // What Protocol.md prints for those who write a worker in another language.
    @Test func bytesAreAsDocumented() throws {
        let hello = RawFields()
            .fixed(1, 0xFEDC_BA98_7654_3210 as UInt64)
            .nested(2, Array("worker-1".utf8)).nested(3, Array("höst.example".utf8))
            .nested(4, Array("avx512".utf8)).varint(5, 8).varint(6, 2).varint(7, 4_711)
        let envelope = RawFields.envelope(10, hello)
        #expect(Samples.hello.encode() == [envelope])
        #expect(envelope.prefix(8) == [0x08, 0x07, 0x52, 0x31, 0x09, 0x10, 0x32, 0x54])
        #expect(envelope.count == 53)
        #expect(WorkerMessage.ready.encode() == [[0x08, 0x07, 0x6A, 0x00]])
        #expect(
            FeatureChunk.envelope(index: 300) == [0x08, 0x07, 0xE2, 0x02, 0x03, 0x08, 0xAC, 0x02])
        let frames = Samples.bundleTrained.encode()
        #expect(frames.count == 2)
        // The first pair's first weight, -2.5; behind the weights of both pairs the first one's last
        // bias, 1/8.
        #expect(frames[1].prefix(4) == [0x00, 0x00, 0x20, 0xC0])
        #expect(frames[1][48 + 4..<48 + 8] == [0x00, 0x00, 0x00, 0x3E])
        #expect(
            WireProtocol.featureTopic(runID: [1, 2]) == Array("features/".utf8) + [1, 2])
    }

    // One head may be larger than a frame: its numbers go on in the next one.
    @Test func resultsTakeAsManyFramesAsTheyNeed() throws {
        var limits = WireLimits()
        let whole = Samples.bundleTrained.encode(limits)
        for byteCount in [8, 13, 50] {
            limits.frameByteCountMax = byteCount
            let frames = Samples.bundleTrained.encode(limits)
            #expect(frames.count == 1 + (whole[1].count + byteCount - 1) / byteCount)
            #expect(frames.dropFirst().allSatisfy { $0.count <= byteCount })
            #expect(frames.dropFirst().reduce([], +) == whole[1])
            #expect(try WorkerMessage.decode(frames, limits) == Samples.bundleTrained)
        }
        #expect(throws: WireError.self) { try WorkerMessage.decode([whole[0]]) }
        limits = WireLimits()
        limits.resultByteCountMax = whole[1].count - 1
        let error = #expect(throws: WireError.self) { try WorkerMessage.decode(whole, limits) }
        #expect(error?.code == .overLimit)
    }

    @Test func resultSizesArePredicted() throws {
        guard case .bundleTrained(let result) = Samples.bundleTrained,
            case .heads(let blocks) = result.content
        else {
            Issue.record("not a bundle")
            return
        }
        let byteCount = BundleTrained.byteCount(
            of: blocks.flatMap(\.keys), featureCount: 3)
        #expect(Samples.bundleTrained.encode()[1].count == byteCount)
    }
}
