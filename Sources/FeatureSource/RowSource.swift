import Formats
import ImageData
import Numerics

/// An array in a file as rows of features or of pixels.
final class ArrayRows: RowReader {
    let path: String
    let columnCount: Int
    let rowCount: Int?
    private var array: NPYReader
    /// Where each value of a row goes; nil where that is its own place.
    private let places: [Int]?
    private let column: LabelColumn?

    init(
        _ array: consuming NPYReader, columnCount: Int, places: [Int]? = nil,
        labels: LabelColumn? = nil
    ) {
        path = array.path
        rowCount = array.rowCount
        self.columnCount = columnCount
        self.places = places
        column = labels
        self.array = array
    }

    func labels() -> LabelColumn? { column }

    func rowCountMax() -> Int { rowCount ?? 0 }

    func read(into target: UnsafeMutableBufferPointer<Float>) throws(FormatError) -> Int {
        try unsafe array.read(into: target, places: places)
    }

    /// The same rows where they are; nil unless they lie there as they are read.
    var rowsInPlace: NPYRows? { places == nil ? array.rowsInPlace : nil }

    /// Fills `target` with the next rows of bytes.
    func read(into target: UnsafeMutableBufferPointer<UInt8>) throws(FormatError) -> Int {
        try unsafe array.read(into: target, places: places)
    }
}

/// The rows of a file that has been opened.
struct RowSource {
    let shape: InputRequest.Shape
    /// What gives features.
    let table: any RowReader
    /// What gives pixels; nil where rows are features.
    let images: ArrayRows?
    /// What was taken as what; nil where nothing had to be guessed.
    let remark: String?
    /// Of svmlight, the number of the first column.
    let svmlightBase: Int?

    /// - Parameter labelsElsewhere: whether another file has the labels.
    init(
        _ file: UserFile, _ request: InputRequest, labelsElsewhere: Bool
    ) throws(FormatError) {
        let source = try ByteSource(file.path)
        var kind = request.kind
        var featureCount: Int?
        switch request.shape {
        case .features(let count):
            featureCount = count
            kind = .features
        case .image: kind = .images
        case nil: break
        }
        var (images, remark, base): (ArrayRows?, String?, Int?)
        switch file.content {
        case .svmlight, .csv:
            guard kind != .images else {
                throw .malformed(
                    file.path,
                    "it holds rows of numbers, where images are needed; save them as an array of bytes [sample, row, column] with np.save"
                )
            }
            if file.content == .csv {
                let ways: [CSVReader.Labels] =
                    file.member.map { [.named($0)] }
                    ?? (labelsElsewhere ? [.elsewhere, .find] : [.find, .elsewhere])
                let reader = try Self.csv(source, ways, featureCount)
                (table, remark) = (reader, reader.remark)
            } else {
                let reader = try SvmlightReader(
                    source, base: request.svmlightBase, columnCount: featureCount)
                (table, base) = (reader, reader.base)
            }
            shape = .features(table.columnCount)
        case .cifar(let labelCount):
            (shape, table) = try Self.cifar(source, labelCount, kind)
        case .npy, .npz, .safetensors, .idx:
            let array = try file.array(source, readsBfloat16: request.readsBfloat16)
            (shape, table) = try Self.rows(array, kind)
        case .text:
            var reader = try ByteReader(source)
            try reader.refuseOtherKinds(after: [])
            throw .malformed(
                file.path,
                "it is no file that rows are read from; save them as .npy, .npz, .safetensors, .svm (svmlight) or .csv, and name the file so"
            )
        }
        if case .image = shape { images = table as? ArrayRows }
        self.images = images
        self.remark = remark
        svmlightBase = base
        try Self.check(shape, request, file)
    }

    /// Reads a column by the name of labels as such, or as a feature, in the first way that makes rows as
    /// wide as they are to be.
    private static func csv(
        _ source: ByteSource, _ ways: [CSVReader.Labels], _ featureCount: Int?
    ) throws(FormatError) -> CSVReader {
        for way in ways where featureCount != nil && ways.count > 1 {
            if let reader = try? CSVReader(source, labels: way), reader.columnCount == featureCount
            {
                return reader
            }
        }
        return try CSVReader(source, labels: ways[0])
    }

    private static func rows(
        _ array: consuming NPYReader, _ kind: UserDataRequest.Kind?
    ) throws(FormatError) -> (InputRequest.Shape, any RowReader) {
        let shape = array.header.shape
        guard kind.map({ $0 == .images }) ?? (shape.count > 2) else {
            try array.checkFeatures()
            let count = array.columnCount
            return (.features(count), ArrayRows(array, columnCount: count))
        }
        let image = try imageShape(shape, array.path)
        try array.checkPixels()
        let places = array.header.places(axes: shape.count == 4 ? [0, 3, 1, 2] : [0, 1, 2])
        let isInPlace = places.elementsEqual(places.indices)
        return (
            .image(image),
            ArrayRows(
                array, columnCount: image.pixelCount, places: isInPlace ? nil : places)
        )
    }

    private static func cifar(
        _ source: ByteSource, _ labelCount: Int, _ kind: UserDataRequest.Kind?
    ) throws(FormatError) -> (InputRequest.Shape, any RowReader) {
        let image = ImageShape(channelCount: 3, height: 32, width: 32)
        let byteCount = labelCount + image.pixelCount
        func records() throws(FormatError) -> NPYReader {
            try NPYReader(
                records: ByteReader(source), byteCount: byteCount, format: "CIFAR file")
        }
        // The last label of a record is the fine one.
        let labels = try LabelColumn(
            records(), place: labelCount - 1)
        let places = [Int](repeating: -1, count: labelCount) + Array(0..<image.pixelCount)
        let rows = ArrayRows(
            try records(), columnCount: image.pixelCount, places: places, labels: labels)
        return (kind == .features ? .features(image.pixelCount) : .image(image), rows)
    }

    private static let sideMax = 4_096

    private static func imageShape(
        _ shape: [Int], _ path: String
    ) throws(FormatError) -> ImageShape {
        let channelCount = shape.count == 4 ? shape[3] : 1
        guard shape.count == 3 || shape.count == 4, (1...4).contains(channelCount) else {
            let isChannelsFirst = shape.count == 4 && (1...4).contains(shape[1])
            throw .malformed(
                path,
                "its shape is \(shape), where images are [sample, row, column] or [sample, row, column, channel] of 1 to 4 channels; "
                    + (isChannelsFirst
                        ? "save x.transpose(0, 2, 3, 1)"
                        : "for features save x.reshape(len(x), -1)"))
        }
        guard (8...sideMax).contains(shape[1]), (8...sideMax).contains(shape[2]) else {
            throw .malformed(
                path,
                "its images are of \(shape[1]) by \(shape[2]) pixels, where 8 to \(sideMax) a side are read; for features save x.reshape(len(x), -1)"
            )
        }
        return ImageShape(channelCount: channelCount, height: shape[1], width: shape[2])
    }

    private static func check(
        _ shape: InputRequest.Shape, _ request: InputRequest, _ file: UserFile
    ) throws(FormatError) {
        guard let wanted = request.shape, wanted != shape else { return }
        let owner = request.shapeOwner
        switch (shape, wanted) {
        case (.features(let count), .features(let needed)):
            throw .malformed(
                file.description,
                "its rows have \(count.counted("feature")), and those of \(owner) have \(needed); use files of one kind"
            )
        case (.image(let shape), .image(let needed)):
            throw .malformed(
                file.description,
                "its images are \(shape), and those of \(owner) are \(needed); use files of one kind"
            )
        case (.features, .image), (.image, .features):
            throw .malformed(
                file.description,
                "one of it and \(owner) holds images, the other features; use files of one kind"
            )
        }
    }

    /// The features of several files where they are; nil unless all can be read there, and they take more
    /// bytes of memory than that.
    static func inPlace(_ sources: [RowSource], above byteCountMax: Int) -> [NPYRows]? {
        let rows = sources.compactMap { source in
            source.images == nil ? (source.table as? ArrayRows)?.rowsInPlace : nil
        }
        let isLarge = rows.reduce(0) { $0 + $1.byteCount } > byteCountMax
        return rows.count == sources.count && isLarge ? rows : nil
    }

    /// The rows of several files as one table, and how many each file has.
    static func all(
        _ sources: [RowSource], path: String
    ) throws(FormatError) -> (rows: InputRows, counts: [Int]) {
        var rowCount = 0
        for source in sources { rowCount += try source.table.rowCountMax() }
        var next = 0
        var counts = [Int](repeating: 0, count: sources.count)
        /// Goes from one file to the next where it has no more rows.
        func read(_ source: (RowSource) throws(FormatError) -> Int) throws(FormatError) -> Int {
            while next < sources.count {
                let count = try source(sources[next])
                counts[next] += count
                if count > 0 { return count }
                next += 1
            }
            return 0
        }
        switch sources[0].shape {
        case .features(let columnCount):
            let values: [Float] = try unsafe RowMemory.filled(
                rowCountMax: rowCount, columnCount: columnCount, path: path
            ) { target throws(FormatError) in
                try read { (source) throws(FormatError) in
                    try unsafe source.table.read(into: target)
                }
            }
            let rowCount = values.count / columnCount
            let rows = Matrix(rowCount: rowCount, columnCount: columnCount, values: values)
            return (.features(rows), counts)
        case .image(let shape):
            let pixels: [UInt8] = try unsafe RowMemory.filled(
                rowCountMax: rowCount, columnCount: shape.pixelCount, path: path
            ) { target throws(FormatError) in
                try read { (source) throws(FormatError) in
                    try unsafe source.images?.read(into: target) ?? 0
                }
            }
            return (.images(shape, pixels: pixels), counts)
        }
    }
}
