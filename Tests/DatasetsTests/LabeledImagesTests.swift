import Datasets
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
            name: .mnist, folder: "", classNames: [], train: Self.images,
            test: Self.images.selecting([1]))
        #expect(dataset.byteCount == 12 + 3 + 4 + 1)
        // Python: hashlib.sha256(bytes([*range(12), 5, 0, 5, 4, 5, 6, 7, 0])).hexdigest()
        #expect(
            dataset.sha256 == "38971d4e4f38d8ce082fcc2539b15814d29f5aea7c5085237a6feaf89db0e86d")
    }
}
