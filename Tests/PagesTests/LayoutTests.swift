import Display
import Pages
import Study
import Testing

/// That pages and pictures can be read on a phone and fill a wide screen.
@Suite struct LayoutTests {
    /// Two data sets with one kind of heads, so that every section has one chart of each.
    private func page(arms: [StudyArm] = [.frozen]) throws -> (text: String, root: PageElement) {
        var sample = SampleStudy()
        sample.datasets = ["mnist", "cifar10"]
        sample.arms = arms
        sample.trialCount = 3
        let text = StudyPage.rendered(sample.report())
        return (text, try PageReader.root(of: text))
    }

    /// The sizes of letters that rules give, from a width of the place on: ascending.
    private func steps(_ text: String, _ query: String) throws -> [(least: Double, size: Double)] {
        try text.split(separator: "\n").filter { $0.hasPrefix(query) }.map { line in
            let numbers = line.matches(of: /([0-9.]+)px/).compactMap { Double($0.1) }
            try #require(numbers.count == 2, "\(line)")
            return (numbers[0], numbers[1])
        }
    }

    /// What a letter measures on the screen stays within a twentieth of 13 pixels.
    private func check(_ steps: [(least: Double, size: Double)], width: Double, widest: Double) {
        #expect(steps.count > 5)
        for place in stride(from: width, through: widest, by: 7) {
            let size = steps.last { $0.least <= place }?.size ?? 13
            let letters = size * place / width
            #expect(abs(letters / 13 - 1) < 0.05, "\(letters) at \(place)")
        }
    }

    @Test func lettersOfChartsAreOfOneSizeAtAnyWidth() throws {
        let text = try page().text
        check(try steps(text, "@container chart (min-width: "), width: 400, widest: 768)
        check(try steps(text, "@container wide (min-width: "), width: 736, widest: 1_344)
    }

    @Test func picturesTakeTheWidthThereIs() throws {
        let pictures = [
            SpeedupChart(
                points: [.init(workerCount: 1, lowest: 1, median: 1, highest: 1)],
                serialShare: 0.2, coreCount: 2, subtitle: ""
            ).rendered(),
            ScalingChart(
                points: [.init(workerCount: 1, speedup: 1, shares: [1])], uses: ["training"],
                subtitle: ""
            ).rendered(),
        ]
        for picture in pictures {
            let root = try #require(picture.split(separator: "\n").first)
            #expect(root.contains("viewBox=\"0 0 480 ") && root.contains(" width=\"100%\""))
            #expect(!root.contains(" height=\""))
            check(try steps(picture, "@media (min-width: "), width: 480, widest: 960)
        }
    }

    /// The sign of a legend is drawn like what it stands for.
    @Test func legendsHaveTheColoursOfTheirLines() {
        let picture = ScalingChart(
            points: [.init(workerCount: 1, speedup: 1, shares: [1])], uses: ["training"],
            subtitle: ""
        ).rendered()
        let signs = picture.split(separator: "\n").filter { $0.hasPrefix("<g transform") }
        #expect(signs.map { $0.contains("class=\"curve\"") } == [true, false, false, false])
        #expect(signs[1].contains("class=\"ideal\"") && signs[2].contains("class=\"goal\""))
        #expect(picture.contains(">simulated</text>"))
    }

    @Test(arguments: [[StudyArm.frozen], [.frozen, .converged]])
    func aSectionHasOneLegend(arms: [StudyArm]) throws {
        for section in try page(arms: arms).root.all("section") {
            let legends = section.all("ul").filter { $0.classes.contains("legend") }
            #expect(legends.count <= 1, "\(section.attributes["id"] ?? "")")
        }
    }

    /// One chart each stand side by side; with two each, a data set has its own row.
    @Test func chartsShareTheirRows() throws {
        func columns(_ arms: [StudyArm]) throws -> [String?] {
            try #require(try page(arms: arms).root.first(id: "accuracy")).all("div")
                .filter { $0.classes.contains("charts") }.map { $0.attributes["style"] }
        }
        #expect(try columns([.frozen]) == ["--n:2"])
        #expect(try columns([.frozen, .converged]) == ["--n:2", "--n:2"])
        #expect(try columns([.frozen, .zero, .derived, .converged]) == ["--n:2", "--n:2"])
        #expect(try columns([.frozen, .derived, .converged]) == ["--n:3", "--n:3"])
    }

    /// Eight schemes at a share of the rows have eight places.
    @Test func whiskersStandApart() throws {
        let charts = try #require(try page().root.first(id: "accuracy")).all("svg")
            .filter { $0.classes.contains("chart") }
        #expect(charts.count == 2)
        for chart in charts {
            let stems = chart.all("line").filter {
                $0.classes == ["whisker"] && $0.attributes["x1"] == $0.attributes["x2"]
            }.compactMap { Double($0.attributes["x1"] ?? "") }.sorted()
            #expect(stems.count == 8 * 5)
            #expect(zip(stems, stems.dropFirst()).allSatisfy { $1 - $0 > 5 }, "\(stems)")
        }
    }

    /// Titles of rows stay in sight while a table scrolls, and a shade says that it does.
    @Test func tablesScrollWithTheirTitlesInSight() throws {
        let (text, root) = try page()
        #expect(text.contains("th.key { position: sticky; left: 0;"))
        #expect(text.contains(".two th.key + th.key { left: var(--first) }"))
        #expect(text.contains("linear-gradient(to left, var(--shade), transparent)"))
        for table in root.all("table") {
            let rows = table.all("tbody").flatMap { $0.all("tr") }.filter {
                !$0.classes.contains("group")
            }
            let titles = table.all("thead").flatMap { $0.all("th") }.count {
                $0.classes.contains("key")
            }
            #expect((titles == 2) == table.classes.contains("two"))
            for row in rows { #expect(row.all("th").count { $0.classes == ["key"] } == titles) }
        }
    }
}
