/// A fixed block of doubles on a 64-byte boundary, zero at first.
///
/// Written by its maker only, before it is shared, as a `FloatBuffer` is.
@safe
final class DoubleBlock: @unchecked Sendable {
    // @unchecked: a block is written only before it is shared.
    private let storage: UnsafeMutableBufferPointer<Double>

    init(count: Int) {
        let raw = UnsafeMutableRawPointer.allocate(
            byteCount: max(1, count) * MemoryLayout<Double>.stride, alignment: 64)
        unsafe storage = UnsafeMutableBufferPointer(
            start: raw.bindMemory(to: Double.self, capacity: count), count: count)
        unsafe storage.initialize(repeating: 0)
    }

    deinit {
        unsafe storage.baseAddress?.deinitialize(count: storage.count)
        unsafe UnsafeMutableRawPointer(storage.baseAddress)?.deallocate()
    }

    var count: Int { unsafe storage.count }

    /// Valid while the block lives.
    var pointer: UnsafeMutablePointer<Double> {
        guard let address = unsafe storage.baseAddress else {
            preconditionFailure("a block is never without memory")
        }
        return unsafe address
    }

    subscript(index: Int) -> Double {
        get {
            precondition(index >= 0 && index < count)
            return unsafe storage[index]
        }
        set {
            precondition(index >= 0 && index < count)
            unsafe storage[index] = newValue
        }
    }

    func copy(from other: DoubleBlock) {
        precondition(count == other.count)
        unsafe pointer.update(from: other.pointer, count: count)
    }

    func clear() {
        unsafe storage.update(repeating: 0)
    }

    /// The largest magnitude; infinite if any value is NaN.
    var largestMagnitude: Double {
        var largest = 0.0
        for index in 0..<count {
            let magnitude = unsafe abs(storage[index])
            if !(magnitude <= largest) { largest = magnitude.isNaN ? .infinity : magnitude }
        }
        return largest
    }
}
