import Glibc
import Synchronization
import Transfer

/// Which chunks are held, and which one some thread is at.
final class ChunkLedger: Sendable {
    private enum ChunkState {
        case missing
        /// One thread checks and copies it; only that thread touches its bytes.
        case inserting
        case held
    }

    private struct State {
        var chunks: [ChunkState]
        var missingCount: Int
    }

    private let state: Mutex<State>

    /// A ledger of chunks that are all missing.
    init(count: Int) {
        state = Mutex(
            State(chunks: [ChunkState](repeating: .missing, count: count), missingCount: count))
    }

    var missingCount: Int { state.withLock { $0.missingCount } }

    var missing: [Int] {
        state.withLock { state in state.chunks.indices.filter { state.chunks[$0] != .held } }
    }

    /// Has `body` check and copy a chunk that is missing; if it throws, the chunk is missing still.
    func insert(
        _ index: Int, _ body: () throws(TransferError) -> Void
    ) throws(TransferError) -> ChunkInsertion {
        let isMine = state.withLock { state in
            guard state.chunks[index] == .missing else { return false }
            state.chunks[index] = .inserting
            return true
        }
        guard isMine else { return .duplicate }
        var isHeld = false
        defer {
            state.withLock { state in
                state.chunks[index] = isHeld ? .held : .missing
                if isHeld { state.missingCount -= 1 }
            }
        }
        try body()
        isHeld = true
        return .inserted
    }

    /// Whether the system has so much memory to promise: a peer's claim must not trap.
    static func canHave(byteCount: Int) -> Bool {
        let memory = unsafe mmap(
            nil, max(1, byteCount), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let memory = unsafe memory, unsafe memory != MAP_FAILED else { return false }
        unsafe munmap(memory, max(1, byteCount))
        return true
    }
}
