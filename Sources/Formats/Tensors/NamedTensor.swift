/// A tensor with a name: float32, float64 or int64, row-major.
package struct NamedTensor: Sendable, Equatable {
    /// A tensor's values.
    package enum Content: Sendable, Equatable {
        case float32([Float])
        case float64([Double])
        case int64([Int64])

        var count: Int {
            switch self {
            case .float32(let values): values.count
            case .float64(let values): values.count
            case .int64(let values): values.count
            }
        }

        /// As a file's header names it.
        var dtype: String {
            switch self {
            case .float32: "F32"
            case .float64: "F64"
            case .int64: "I64"
            }
        }

        /// Bytes of one value.
        var valueByteCount: Int {
            switch self {
            case .float32: 4
            case .float64, .int64: 8
            }
        }

        /// Calls `body` with the values as they lie in memory, which is how they lie in a file.
        func withBytes(
            _ body: (UnsafeRawBufferPointer) throws(FormatError) -> Void
        ) throws(FormatError) {
            let result =
                switch self {
                case .float32(let values):
                    unsafe values.withUnsafeBytes { raw in
                        Result { () throws(FormatError) in try unsafe body(raw) }
                    }
                case .float64(let values):
                    unsafe values.withUnsafeBytes { raw in
                        Result { () throws(FormatError) in try unsafe body(raw) }
                    }
                case .int64(let values):
                    unsafe values.withUnsafeBytes { raw in
                        Result { () throws(FormatError) in try unsafe body(raw) }
                    }
                }
            try result.get()
        }
    }

    /// The key in the file, as in `backbone.conv1.weight`.
    package let name: String
    /// Size of each dimension, outermost first; empty for a single value.
    package let shape: [Int]
    /// The values, row-major: the last dimension varies fastest.
    package let content: Content

    /// Traps unless there are as many values as the shape says.
    package init(name: String, shape: [Int], content: Content) {
        precondition(shape.allSatisfy { $0 >= 0 })
        precondition(shape.reduce(1, *) == content.count)
        self.name = name
        self.shape = shape
        self.content = content
    }

    /// A float32 tensor.
    package init(_ name: String, _ shape: [Int], _ values: [Float]) {
        self.init(name: name, shape: shape, content: .float32(values))
    }

    /// The values, when they are floats.
    package var floats: [Float]? {
        if case .float32(let values) = content { values } else { nil }
    }

    /// The values, when they are floats of double precision.
    package var doubles: [Double]? {
        if case .float64(let values) = content { values } else { nil }
    }

    /// The values, when they are integers.
    package var integers: [Int64]? {
        if case .int64(let values) = content { values } else { nil }
    }
}
