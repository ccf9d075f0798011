import ImageData
import TestSupport
import Testing

@Suite struct CIFARTests {
    func request(_ folder: TemporaryFolder) -> DatasetRequest {
        DatasetRequest(
            .cifar10, dataDirectory: folder.path, classes: .listed([1, 0]), cifarRecordsPerFile: 2)
    }

    @Test(arguments: [
        "", "cifar10/", "cifar-10-batches-bin/", "cifar10/cifar-10-batches-bin/",
    ])
    func readsRecordsInOrder(prefix: String) throws {
        let folder = try TemporaryFolder()
        try writeSmallCIFAR(to: folder, prefix: prefix)
        try folder.write(
            prefix + "test_batch.bin", cifarFile(labels: Array(0..<2), from: 100))
        let dataset = try Dataset.load(request(folder))
        #expect(dataset.train.shape == ImageShape(channelCount: 3, height: 32, width: 32))
        #expect(dataset.classNames == ["automobile", "airplane"])
        #expect(dataset.train.labels == [1, 0])
        #expect(dataset.test.labels == [1, 0])
        // Record 0 of the first batch: 0 in its red channel, 1 in green, 2 in blue.
        for (channel, value) in [0, 1, 2].enumerated() {
            let plane = dataset.train.pixels[channel * 1024..<(channel + 1) * 1024]
            #expect(plane.allSatisfy { $0 == UInt8(value) })
        }
        #expect(dataset.test.pixels[3072] == 101)
        #expect(dataset.byteCount == 4 * 3073)
    }

    @Test func filesMayBeGzip() throws {
        let folder = try TemporaryFolder()
        try writeSmallCIFAR(to: folder)
        let plain = try Dataset.load(request(folder))
        try folder.remove("data_batch_1.bin")
        try folder.write("data_batch_1.bin.gz", gzip(cifarFile(labels: [0, 1], from: 0)))
        #expect(try Dataset.load(request(folder)).sha256 == plain.sha256)
    }

    @Test func takesTheClassNamesOfTheFiles() throws {
        let folder = try TemporaryFolder()
        try writeSmallCIFAR(to: folder)
        let names = "zero\none\r\n two words \n\n3\n4\n5\n6\n7\n8\n9\n\n"
        try folder.write("batches.meta.txt", Array(names.utf8))
        #expect(try Dataset.load(request(folder)).classNames == ["one", "zero"])
        try folder.write("batches.meta.txt", Array("zero\none\n".utf8))
        #expect(failure(request(folder))?.code == .countMismatch)
        try folder.write("batches.meta.txt", .init(repeating: 65, count: 5000))
        #expect(failure(request(folder))?.code == .trailingBytes)
    }

    @Test(arguments: ["data_batch_1.bin", "data_batch_4.bin", "test_batch.bin"])
    func refusesDamage(name: String) throws {
        let folder = try TemporaryFolder()
        try writeSmallCIFAR(to: folder)
        let good = cifarFile(labels: [0, 1], from: 0)
        var bad = good
        bad[3073] = 10
        for (bytes, code) in [
            (good + [0], DatasetError.Code.trailingBytes), (good + good, .trailingBytes),
            (bad, .labelOutOfRange), (gzip(bad), .labelOutOfRange),
            (gzip(good) + [1], .trailingBytes), (gzip(good + [1]), .trailingBytes),
        ] {
            try folder.write(name, bytes)
            let error = try #require(failure(request(folder)))
            #expect(error.code == code, "\(error)")
            #expect(error.message.contains(name))
            if code == .labelOutOfRange { #expect(error.message.contains("byte 3073,")) }
        }
    }

    /// Cut at every byte, the end of a record included: always an error.
    @Test(arguments: [false, true])
    func refusesEveryCut(compressed: Bool) throws {
        let folder = try TemporaryFolder()
        try writeSmallCIFAR(to: folder)
        let good = cifarFile(labels: [0, 1], from: 0)
        let whole = compressed ? gzip(good) : good
        try folder.write("data_batch_1.bin", whole)
        for count in whole.indices.reversed() {
            try folder.truncate("data_batch_1.bin", to: count)
            let error = failure(request(folder))
            #expect(error?.code == .truncatedFile, "cut at \(count): \(error?.message ?? "")")
        }
    }

    @Test func refusesAbsurdRecordCounts() throws {
        let folder = try TemporaryFolder()
        try writeSmallCIFAR(to: folder)
        for count in [Int.min, 0, 3, Int.max] {
            var request = request(folder)
            request.cifarRecordsPerFile = count
            #expect(failure(request) != nil)
        }
    }
}
