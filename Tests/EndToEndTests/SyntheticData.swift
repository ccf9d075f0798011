import Foundation

/// A small data set in the files of MNIST: ten classes of noisy stripes, easy but not trivial.
///
/// Made here, so that these tests need no data from elsewhere and take seconds.
struct SyntheticData {
    /// Rows of all ten classes together.
    var trainCount = 2_000
    var testCount = 500
    /// Pixels of an image's side.
    var side = 10

    /// Writes the four files into a new folder.
    func write(to folder: String) throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        var generator = SplitMix(state: 1)
        for (prefix, count) in [("train", trainCount), ("t10k", testCount)] {
            let labels = (0..<count).map { UInt8($0 % 10) }
            let pixels = labels.flatMap { image(of: Int($0), &generator) }
            let images = bigEndian([0x803, count, side, side]) + pixels
            try Data(images).write(to: URL(filePath: "\(folder)/\(prefix)-images-idx3-ubyte"))
            try Data(bigEndian([0x801, count]) + labels).write(
                to: URL(filePath: "\(folder)/\(prefix)-labels-idx1-ubyte"))
        }
    }

    /// Stripes whose direction and width say the class, under noise as strong as they are.
    private func image(of label: Int, _ generator: inout SplitMix) -> [UInt8] {
        let width = 1 + label % 5
        return (0..<side * side).map { pixel in
            let place = label < 5 ? pixel % side : pixel / side
            let stripe = place / width % 2 == 0 ? 90 : 0
            return UInt8(clamping: stripe + Int(generator.next() >> 56) * 2 / 3)
        }
    }

    private func bigEndian(_ values: [Int]) -> [UInt8] {
        values.flatMap { value in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }
    }
}

/// Steele, Lea and Flood's generator (2014).
private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
