typealias DoubleBlock = NumberBlock<Double>
typealias FloatBlock = NumberBlock<Float>

/// A fixed block of numbers on a 64-byte boundary, zero at first.
///
/// Written by its maker only, before it is shared, as a `FloatBuffer` is.
@safe
final class NumberBlock<Number: BinaryFloatingPoint & Sendable>: @unchecked Sendable {
    // @unchecked: a block is written only before it is shared.
    private let storage: UnsafeMutableBufferPointer<Number>

    init(count: Int) {
        let raw = UnsafeMutableRawPointer.allocate(
            byteCount: max(1, count) * MemoryLayout<Number>.stride, alignment: 64)
        unsafe storage = UnsafeMutableBufferPointer(
            start: raw.bindMemory(to: Number.self, capacity: count), count: count)
        unsafe storage.initialize(repeating: 0)
    }

    deinit {
        unsafe storage.baseAddress?.deinitialize(count: storage.count)
        unsafe UnsafeMutableRawPointer(storage.baseAddress)?.deallocate()
    }

    var count: Int { unsafe storage.count }

    /// Valid while the block lives.
    var pointer: UnsafeMutablePointer<Number> {
        guard let address = unsafe storage.baseAddress else {
            preconditionFailure("a block is never without memory")
        }
        return unsafe address
    }

    subscript(index: Int) -> Number {
        get {
            precondition(index >= 0 && index < count)
            return unsafe storage[index]
        }
        set {
            precondition(index >= 0 && index < count)
            unsafe storage[index] = newValue
        }
    }

    func copy(from other: NumberBlock) {
        precondition(count == other.count)
        unsafe pointer.update(from: other.pointer, count: count)
    }

    func clear() {
        unsafe storage.update(repeating: 0)
    }

    /// The largest magnitude; infinite if any value is NaN.
    var largestMagnitude: Number {
        var largest: Number = 0
        for index in 0..<count {
            let magnitude = unsafe abs(storage[index])
            if !(magnitude <= largest) { largest = magnitude.isNaN ? .infinity : magnitude }
        }
        return largest
    }
}
