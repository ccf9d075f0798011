import WireProtocol

// What heads cost on the wire beside their weights: leases, results' envelopes, signs of life.
extension CoordinatorSession {
    /// Counts what was sent to a worker while heads train; features are counted by who gets them.
    mutating func countControl(_ message: CoordinatorMessage, byteCount: Int) {
        guard leasingAt != nil, !isFinished else { return }
        switch message {
        case .assign, .revoke, .acknowledge, .heartbeat: collected.controlByteCount += byteCount
        case .welcome, .refused, .features, .materials, .broadcastComplete, .chunk, .finished: break
        }
    }

    /// Counts what came from a worker while heads train; of heads all but the weights.
    mutating func countControl(_ message: WorkerMessage, _ frames: [[UInt8]]) {
        guard leasingAt != nil, !isFinished else { return }
        let byteCount = WireProtocol.byteCount(ofMessage: frames)
        switch message {
        case .heartbeat, .bundleFailed: collected.controlByteCount += byteCount
        case .bundleTrained:
            collected.controlByteCount += byteCount - (frames.last?.count ?? 0)
        case .hello, .chunkRequest, .ready, .goodbye: break
        }
    }
}
