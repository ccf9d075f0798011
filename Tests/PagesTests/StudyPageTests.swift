import Pages
import Study
import Testing

/// That the page is sound: its form, its pictures, and that no text of a report gets out of hand.
@Suite struct StudyPageTests {
    /// Reports of every shape that a study can leave behind.
    enum Shape: CaseIterable {
        case post, imbalanced, full, oneTrial, oneCell, manyFractions, bare, empty, broken, hostile

        var report: StudyReport {
            var sample = SampleStudy()
            sample.datasets = ["mnist", "cifar10"]
            sample.trialCount = 3
            switch self {
            case .post: break
            case .imbalanced: sample.imbalance = 20
            case .full:
                sample.classCount = 10
                sample.fractions = [0.01, 1]
                sample.arms = [.frozen, .converged, .warm]
            case .oneTrial: sample.trialCount = 1
            case .oneCell:
                sample.datasets = ["mnist"]
                sample.fractions = [0.1]
                sample.arms = [.frozen]
            case .manyFractions:
                sample.datasets = ["fashion-mnist"]
                sample.arms = [.scratch]
                sample.fractions = (1...24).map { Double($0) / 24 }
            case .bare, .empty, .broken, .hostile:
                sample.fractions = [0.01, 1]
                sample.arms = [.frozen]
            }
            var report = sample.report()
            change(&report)
            return report
        }

        /// Rendered and read once for all tests.
        func page() throws -> (text: String, root: PageElement) {
            try #require(Self.pages[self]).get()
        }

        private static let pages: [Shape: Result<(text: String, root: PageElement), any Error>] = {
            Dictionary(
                uniqueKeysWithValues: allCases.map { shape in
                    let page = StudyPage.rendered(shape.report)
                    return (shape, Result { (page, try PageReader.root(of: page)) })
                })
        }()

        private func change(_ report: inout StudyReport) {
            switch self {
            case .bare:
                // Only the backbone is there yet.
                report.timeline = []
                for index in report.datasets.indices {
                    report.datasets[index].cells.removeAll { $0.arm != .backbone }
                    report.datasets[index].comparisons = []
                    report.datasets[index].frontier = []
                }
            case .empty:
                report.datasets = []
                report.timeline = []
                report.versions = [:]
                report.missing = []
            case .broken: report.breakFigures()
            case .hostile: report.poison(with: Shape.poison)
            default: break
            }
        }

        static let poison = "</title><script>alert('\"&')</script>\u{1B}[2J]]>"
    }

    @Test(arguments: Shape.allCases)
    func isWellFormedAndComplete(shape: Shape) throws {
        let root = try shape.page().root
        #expect(root.children.map(\.name) == ["html"])
        let ids = root.all.compactMap { $0.attributes["id"] }
        #expect(Set(ids).count == ids.count)
        #expect(
            root.all("section").compactMap { $0.attributes["id"] } == [
                "answer", "post", "accuracy", "gains", "why",
            ] + ([.imbalanced].contains(shape) ? ["imbalance"] : []) + [
                "updates", "confusion", "calibration", "frontier", "time", "origin",
            ])
        for reference in root.all.compactMap({ $0.attributes["aria-labelledby"] }) {
            #expect(reference.split(separator: " ").allSatisfy { ids.contains(String($0)) })
        }
        for table in root.all("table") {
            #expect(!table.all("caption").isEmpty)
            #expect(table.all("th").allSatisfy { $0.attributes["scope"] != nil })
        }
    }

    @Test(arguments: Shape.allCases)
    func needsNothingFromAnywhere(shape: Shape) throws {
        let (page, root) = try shape.page()
        let names = Set(root.all.map(\.name))
        #expect(names.isDisjoint(with: ["script", "link", "img", "iframe", "object", "base"]))
        #expect(!page.contains("@import") && !page.contains("url(http"))
        let links = root.all("a").compactMap { $0.attributes["href"] }
        #expect(links.allSatisfy { $0.hasPrefix("#") || $0.hasPrefix("https://twosixtech.com/") })
        #expect(page.contains("prefers-color-scheme: dark") && page.contains("@media print"))
    }

    @Test(arguments: Shape.allCases)
    func chartsHaveNamesAndAxesAndOnlyNumbers(shape: Shape) throws {
        let root = try shape.page().root
        let charts = root.all("svg").filter { $0.classes.contains("chart") }
        #expect(charts.isEmpty == [.empty].contains(shape))
        let places = ["x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "width", "height"]
        for chart in charts {
            #expect(chart.attributes["role"] == "img")
            #expect(chart.all("title").first?.text.isEmpty == false)
            #expect(chart.all("desc").first?.text.isEmpty == false)
            #expect(chart.all("text").filter { $0.classes.contains("axis-title") }.count >= 2)
            for element in chart.all {
                let values = places.compactMap { element.attributes[$0] }
                #expect(values.allSatisfy { Double($0)?.isFinite == true }, "\(values)")
                for point in (element.attributes["points"] ?? "").split(separator: " ") {
                    let pair = point.split(separator: ",").map { Double($0)?.isFinite }
                    #expect(pair == [true, true])
                }
            }
        }
    }

    @Test(arguments: Shape.allCases)
    func textsOfAChartKeepApartAndInside(shape: Shape) throws {
        let root = try shape.page().root
        for chart in root.all("svg") where chart.classes.contains("chart") {
            let size = (chart.attributes["viewBox"] ?? "").split(separator: " ").compactMap {
                Double($0)
            }
            try #require(size.count == 4)
            let boxes = try chart.all("text").map { try TextBox($0) }
            let name = chart.all("title").first?.text ?? ""
            for (index, box) in boxes.enumerated() {
                #expect(
                    box.left >= -1 && box.right <= size[2] + 1 && box.top >= -1
                        && box.bottom <= size[3] + 1, "\(name): \(box.text)")
                for other in boxes[(index + 1)...] where box.meets(other) {
                    Issue.record("\(name): \(box.text) meets \(other.text)")
                }
            }
        }
    }

    /// Where a text is, by a guess at its width that most fonts stay below.
    struct TextBox {
        let text: String
        let left: Double
        let right: Double
        let top: Double
        let bottom: Double

        init(_ element: PageElement) throws {
            let x = try #require(Double(element.attributes["x"] ?? ""))
            let y = try #require(Double(element.attributes["y"] ?? ""))
            text = element.text
            let width = Double(text.count) * 7.2
            let shares = ["start": 0, "middle": 0.5, "end": 1]
            left = x - width * (try #require(shares[element.attributes["text-anchor"] ?? ""]))
            right = left + width
            (top, bottom) = (y - 11, y + 3)
        }

        func meets(_ other: TextBox) -> Bool {
            left < other.right && other.left < right && top < other.bottom && other.top < bottom
        }
    }

    @Test func whatAReportSaysIsTextAndNotMarkup() throws {
        let (page, root) = try Shape.hostile.page()
        #expect(!page.contains("<script") && !page.contains("\u{1B}"))
        let shown = "</title><script>alert('\"&')</script>?[2J]]>"
        // Command, versions, missing, data set, digests, classes, policies, workers, kinds.
        #expect(root.first(id: "origin")?.all("pre").map(\.text) == [shown + " \n" + shown])
        for id in ["answer", "post", "accuracy", "gains", "confusion", "frontier", "time"] {
            #expect(root.first(id: id)?.text.contains(shown) == true, "\(id)")
        }
        let csv = StudyTable.csv(Shape.hostile.report)
        #expect(csv.contains("\"</title><script>alert('\"\"&')</script>?[2J]]>\""))
        #expect(!StudyTable.text(Shape.hostile.report, width: nil).contains("\u{1B}"))
    }

    @Test func figuresThatAreNoNumbersAreNotShown() throws {
        let page = try Shape.broken.page().text.lowercased()
        #expect(!page.contains(">nan") && !page.contains("\"nan") && !page.contains(">inf"))
        #expect(!StudyTable.csv(Shape.broken.report).contains("nan"))
    }
}

extension StudyReport {
    /// Figures that no study gives, and matrices that are not there.
    fileprivate mutating func breakFigures() {
        timeline.append(
            StudySpan(worker: "w", work: "w", kind: "k", start: .nan, seconds: .infinity))
        for index in datasets.indices {
            datasets[index].cells[0].interval = [.nan, .infinity]
            datasets[index].cells[1].meanAccuracy = .nan
            datasets[index].cells[2].confusion = [1]
            datasets[index].cells[2].accuracies[0] = .nan
            datasets[index].cells[2].expectedCalibrationError = .nan
            datasets[index].cells[3].calibration = []
            datasets[index].cells[3].brierScore = .infinity
            datasets[index].comparisons[0].meanDifference = .nan
            datasets[index].comparisons[1].tTestPValue = .nan
            datasets[index].comparisons[2].interval = [0.1]
            datasets[index].comparisons[2].cohensD = -.infinity
            datasets[index].frontier[0].outcome.flopsPerRow = 0
            datasets[index].frontier[1].outcome.accuracy = .nan
            datasets[index].frontier[2].outcome.topNeverChangedShare = .nan
            datasets[index].frontier[3].outcome.flopsPerRow = 1e300
        }
    }

    /// The same text wherever a report holds one.
    fileprivate mutating func poison(with text: String) {
        command = text
        computingCommands = [text + " ", text]
        protocolName = text
        versions = [text: text]
        missing = [text]
        timeline = [StudySpan(worker: text, work: text, kind: text, start: 0, seconds: 1)]
        for index in datasets.indices {
            datasets[index].name = text
            datasets[index].sha256 = text
            datasets[index].classNames = datasets[index].classNames.map { _ in text }
            for cell in datasets[index].cells.indices {
                datasets[index].cells[cell].headDigests = [text]
            }
            for point in datasets[index].frontier.indices {
                datasets[index].frontier[point].outcome.policy = text
            }
        }
    }
}
