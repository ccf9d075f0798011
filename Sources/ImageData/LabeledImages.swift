/// The shape of one image.
package struct ImageShape: Hashable, Sendable, CustomStringConvertible {
    /// 1 for grey, 3 for red, green and blue.
    package let channelCount: Int
    /// Rows of pixels.
    package let height: Int
    /// Columns of pixels.
    package let width: Int

    /// Traps unless every side is at least 1.
    package init(channelCount: Int, height: Int, width: Int) {
        precondition(channelCount >= 1)
        precondition(height >= 1)
        precondition(width >= 1)
        self.channelCount = channelCount
        self.height = height
        self.width = width
    }

    /// Values of one image: channels * height * width.
    package var pixelCount: Int { channelCount * height * width }

    /// Channels, height and width, like `3x32x32`.
    package var description: String { "\(channelCount)x\(height)x\(width)" }
}

/// Images of one shape, each with the class it shows.
package struct LabeledImages: Sendable, Equatable {
    /// The shape of every image.
    package let shape: ImageShape
    /// `[sample, channel, row, column]`, one byte a value, 0 to 255.
    package let pixels: [UInt8]
    /// The class of each sample.
    package let labels: [Int]

    /// Traps unless there are exactly the pixels of `labels.count` images.
    package init(shape: ImageShape, pixels: [UInt8], labels: [Int]) {
        precondition(pixels.count == labels.count * shape.pixelCount)
        self.shape = shape
        self.pixels = pixels
        self.labels = labels
    }

    /// How many samples there are.
    package var count: Int { labels.count }

    /// The labels as a digest is over them.
    ///
    /// A byte each if all are below 256, otherwise 32 bits each, little-endian; traps on others.
    package var labelBytes: [UInt8] {
        let narrow = labels.compactMap { UInt8(exactly: $0) }
        if narrow.count == labels.count { return narrow }
        return labels.flatMap { label in
            let wide = UInt32(label)
            return (0..<4).map { UInt8(truncatingIfNeeded: wide >> (8 * $0)) }
        }
    }

    /// How many samples each class has.
    package func classCounts(classCount: Int) -> [Int] {
        var counts = [Int](repeating: 0, count: classCount)
        for label in labels { counts[label] += 1 }
        return counts
    }

    /// The samples `rows`, in that order; traps on a row that is not there.
    package func selecting(_ rows: [Int]) -> LabeledImages {
        var kept: [UInt8] = []
        kept.reserveCapacity(rows.count * shape.pixelCount)
        for row in rows {
            kept.append(contentsOf: pixels[row * shape.pixelCount..<(row + 1) * shape.pixelCount])
        }
        return LabeledImages(shape: shape, pixels: kept, labels: rows.map { labels[$0] })
    }

    /// The samples of a selection, with their new classes; all of them are not copied.
    package func selecting(_ selection: Selection) -> LabeledImages {
        let isWhole = selection.rows.elementsEqual(0..<count)
        return LabeledImages(
            shape: shape, pixels: isWhole ? pixels : selecting(selection.rows).pixels,
            labels: selection.labels)
    }

    /// The samples of a trial: a share of each class, then of the classes unequally many, then equally
    /// many again.
    ///
    /// - Parameters:
    ///   - fraction: in (0, 1]: `ceil(fraction * n)` of the `n` samples of each class stay, drawn by the
    ///     seed, in the order they had: what ``DatasetRequest/fraction`` keeps.
    ///   - imbalance: 1 or more: then class `c` of `K` keeps the share `imbalance^(-c/(K-1))`.
    ///   - isResampled: whether samples are then repeated until all classes have as many as the largest.
    ///   - classKeys: what a class's samples are drawn by; without them its number.
    package func drawn(
        fraction: Double, imbalance: Double = 1, isResampled: Bool = false, seed: UInt64,
        classCount: Int, classKeys: [UInt64]? = nil
    ) -> LabeledImages {
        let selection = selection(
            fraction, imbalance, isResampled, seed, classCount, classKeys)
        return selecting(selection)
    }

    /// How many samples of each class
    /// ``drawn(fraction:imbalance:isResampled:seed:classCount:classKeys:)`` gives, whatever the seed.
    package func drawnClassCounts(
        fraction: Double, imbalance: Double = 1, isResampled: Bool = false, classCount: Int
    ) -> [Int] {
        var counts = [Int](repeating: 0, count: classCount)
        for label in selection(fraction, imbalance, isResampled, 0, classCount, nil).labels {
            counts[label] += 1
        }
        return counts
    }

    private func selection(
        _ fraction: Double, _ imbalance: Double, _ isResampled: Bool, _ seed: UInt64,
        _ classCount: Int, _ classKeys: [UInt64]?
    ) -> Selection {
        var selection = Selection(
            keeping: Array(0..<classCount), of: labels, classKeys: classKeys)
        selection.keepFraction(fraction, seed: seed)
        selection.makeImbalanced(imbalance, seed: seed)
        if isResampled { selection.resample(seed: seed) }
        return selection
    }

    /// The samples of some classes, renumbered by their place in `classes`.
    package func keepingClasses(_ classes: [Int]) -> LabeledImages {
        selecting(Selection(keeping: classes, of: labels))
    }
}
