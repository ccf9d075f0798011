import ImageData
import Testing

@Suite struct LabeledImagesTests {
    static let shape = ImageShape(channelCount: 2, height: 1, width: 2)
    static let images = LabeledImages(
        shape: shape, pixels: Array(0..<12), labels: [5, 0, 5])

    @Test func countsPixelsAndClasses() {
        #expect(Self.shape.pixelCount == 4)
        #expect(Self.images.count == 3)
        #expect(Self.images.classCounts(classCount: 6) == [1, 0, 0, 0, 0, 2])
    }

    @Test func selectsRowsInTheOrderGiven() {
        let chosen = Self.images.selecting([2, 0, 2])
        #expect(chosen.labels == [5, 5, 5])
        #expect(chosen.pixels == [8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11])
        #expect(Self.images.selecting([0, 1, 2]) == Self.images)
        #expect(Self.images.selecting([]).count == 0)
    }

    @Test func aDataSetHashesAllItsBytes() {
        let dataset = Dataset(
            name: "mnist", folder: "", classNames: [], train: Self.images,
            test: Self.images.selecting([1]))
        #expect(dataset.byteCount == 12 + 3 + 4 + 1)
        // Python: hashlib.sha256(bytes([*range(12), 5, 0, 5, 4, 5, 6, 7, 0])).hexdigest()
        #expect(
            dataset.sha256 == "38971d4e4f38d8ce082fcc2539b15814d29f5aea7c5085237a6feaf89db0e86d")
    }

    /// Class 300 is not class 44.
    @Test func labelsAbove255AreHashedWhole() {
        func digest(_ labels: [Int]) -> String {
            Dataset(
                name: "mnist", folder: "", classNames: [],
                train: LabeledImages(shape: Self.shape, pixels: Array(0..<12), labels: labels),
                test: Self.images.selecting([1])
            ).sha256
        }
        // Python: the labels as 32-bit numbers, little-endian, then the one byte of the test label.
        #expect(
            digest([300, 0, 5])
                == "ced143299112863f8ee36dc68e725a12786421695aabb57ee140aaae85aa6cfa")
        #expect(digest([300, 0, 5]) != digest([44, 0, 5]))
    }
}

/// Classes made unequal, and equal again.
@Suite struct ImbalanceTests {
    /// Sixty samples of each of four classes, each with a pixel of its own.
    private let images = LabeledImages(
        shape: ImageShape(channelCount: 1, height: 1, width: 1),
        pixels: (0..<240).map { UInt8($0) }, labels: (0..<240).map { $0 % 4 })

    @Test func sharesFallGeometrically() {
        let drawn = images.drawn(fraction: 1, imbalance: 27, seed: 3, classCount: 4)
        // 60, 60/3, 60/9 and 60/27, rounded up.
        #expect(drawn.classCounts(classCount: 4) == [60, 20, 7, 3])
        #expect(drawn.pixels == drawn.pixels.sorted())
        #expect(zip(drawn.pixels, drawn.labels).allSatisfy { Int($0) % 4 == $1 })
        let other = images.drawn(fraction: 1, imbalance: 27, seed: 4, classCount: 4)
        #expect(other != drawn)
        #expect(images.drawn(fraction: 1, seed: 3, classCount: 4) == images)
    }

    @Test func resamplingRepeatsEveryRowAlike() {
        let unequal = images.drawn(fraction: 0.5, imbalance: 27, seed: 3, classCount: 4)
        let equal = images.drawn(
            fraction: 0.5, imbalance: 27, isResampled: true, seed: 3, classCount: 4)
        #expect(equal.classCounts(classCount: 4) == [30, 30, 30, 30])
        #expect(Set(equal.pixels) == Set(unequal.pixels))
        for label in 0..<4 {
            let counts = Dictionary(
                zip(equal.pixels, equal.labels).filter { $0.1 == label }.map { ($0.0, 1) },
                uniquingKeysWith: +
            ).values
            #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1)
        }
        #expect(
            images.drawn(fraction: 1, isResampled: true, seed: 3, classCount: 4) == images)
        // As many rows as there were, and not the same ones.
        let whole = images.drawn(
            fraction: 1, imbalance: 27, isResampled: true, seed: 3, classCount: 4)
        #expect(
            images.drawnClassCounts(fraction: 0.5, imbalance: 27, classCount: 4)
                == unequal.classCounts(classCount: 4))
        #expect(
            images.drawnClassCounts(
                fraction: 0.5, imbalance: 27, isResampled: true, classCount: 4) == [30, 30, 30, 30])
        #expect(whole.count == images.count)
        #expect(Set(whole.pixels).count == 60 + 20 + 7 + 3)
    }
}
