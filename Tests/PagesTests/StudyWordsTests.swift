import Decoding
import Pages
import Study
import Testing

/// That the words of the page follow the numbers, and its numbers the report.
@Suite struct StudyWordsTests {
    private func sample(_ change: (inout SampleStudy) -> Void = { _ in }) -> StudyReport {
        var sample = SampleStudy()
        sample.datasets = ["mnist", "cifar10"]
        sample.fractions = [0.01, 1]
        sample.arms = [.frozen, .scratch]
        change(&sample)
        return sample.report()
    }

    /// The sample with these differences of the post's schemes at the smallest share.
    private func sample(
        overOneVsAll: Double, overControls: Double, corrected: Double = 0.001,
        within: Double = 1, detectable: Double = 0.123
    ) -> StudyReport {
        var report = sample()
        for dataset in report.datasets.indices {
            for index in report.datasets[dataset].comparisons.indices {
                var comparison = report.datasets[dataset].comparisons[index]
                let gain = comparison.against == .oneVsAll ? overOneVsAll : overControls
                comparison.meanDifference = gain
                comparison.interval = [gain - 0.01, gain + 0.01]
                comparison.tTestPValueHolm = corrected
                comparison.equivalencePValueHolm = within
                comparison.detectableGain = detectable
                comparison.differenceDeviation = detectable / 4
                report.datasets[dataset].comparisons[index] = comparison
            }
        }
        return report
    }

    private func text(_ report: StudyReport, _ section: String) throws -> String {
        let root = try PageReader.root(of: StudyPage.rendered(report))
        return try #require(root.first(id: section)).text
    }

    @Test func whatNoTestSupportsIsNotClaimed() throws {
        let report = sample(overOneVsAll: 0.005, overControls: 0.005, corrected: 0.6)
        let answer = try text(report, "answer")
        #expect(
            answer.contains(
                "none is shown to gain on one-vs-all, none to lose to it and for 8 the trials cannot tell"
            ))
        #expect(!answer.contains("The gains are with") && !answer.contains("▲"))
        #expect(try !text(report, "gains").contains("▲"))
        #expect(
            try text(report, "why").contains(
                "No gain is shown that needs an explanation; for 8 of 8 combinations the trials"))
    }

    /// Fifty points behind in three trials are no equality: the size stands first, then what the
    /// trials can tell, then what they could have told.
    @Test func largeDifferencesWithoutPowerAreNotEquality() throws {
        for (corrected, word) in [(1.0, "▽ looks worse"), (0.04, "▼ worse")] {
            let report = sample(
                overOneVsAll: -0.5, overControls: -0.3, corrected: corrected, detectable: 1.2)
            let answer = try text(report, "answer")
            #expect(answer.contains("the differences from one-vs-all go from −50.00 points"))
            #expect(answer.contains("−50.00 " + word))
            #expect(!answer.contains("none loses") && !answer.contains("cannot be told"))
            #expect(
                answer.contains("even a true difference of 100 points would be missed")
                    == (corrected > 0.05))
        }
        let gains = try text(
            sample(overOneVsAll: -0.5, overControls: -0.3, corrected: 1, detectable: 1.2), "gains")
        #expect(
            gains.contains("−50.00 to −30.00 points, shown: 0 better, 0 worse, 0 within 1 point"))
        #expect(gains.contains("nothing"))
    }

    @Test func whatTheStudyCouldHaveShownIsSaid() throws {
        let report = sample { $0.trialCount = 3 }
        let count = report.comparisonCount
        var other = report
        for dataset in other.datasets.indices {
            for index in other.datasets[dataset].comparisons.indices {
                other.datasets[dataset].comparisons[index].tTestPValueHolm = 1
                other.datasets[dataset].comparisons[index].equivalencePValueHolm = 1
                other.datasets[dataset].comparisons[index].detectableGain = 0.123
                other.datasets[dataset].comparisons[index].differenceDeviation = 0.01
            }
        }
        let words =
            "With 3 trials and \(count) comparisons to correct for, a true difference has to be 12.3 points to be shown in four of five such studies. With 10 trials, 2."
        #expect(try text(other, "answer").contains(words))
        #expect(try text(other, "gains").contains(words))
        #expect(try text(other, "gains").contains("could show from"))
    }

    @Test func equalityIsOnlySaidWhereItIsShown() throws {
        let report = sample(overOneVsAll: 0.002, overControls: 0, corrected: 1, within: 0.04)
        let answer = try text(report, "answer")
        #expect(answer.contains("none to lose to it and 8 to be within 1 point of it ("))
        #expect(answer.contains("+0.20 ≈ within 1 point") && !answer.contains("cannot tell"))
        #expect(!answer.contains("to be shown in four of five"))
        #expect(try text(report, "why").contains("shown to be less than 1 point."))
    }

    @Test func anIntervalWithoutZeroIsAHintUntilTheCorrectionLetsItStand() throws {
        let report = sample(overOneVsAll: 0.05, overControls: 0.05, corrected: 0.051)
        let answer = try text(report, "answer")
        #expect(answer.contains("none is shown to gain on one-vs-all"))
        #expect(answer.contains("8 of the latter have 95% intervals without zero"))
        #expect(answer.contains("△ looks better"))
        let sure = sample(overOneVsAll: 0.05, overControls: 0.05, corrected: 0.049)
        #expect(
            try text(sure, "answer").contains(
                "8 are shown to gain on one-vs-all and none to lose to it ("))
    }

    @Test func gainsThatOutlastTheControlsAreTheSchemes() throws {
        let answer = try text(sample(overOneVsAll: 0.05, overControls: 0.03), "answer")
        #expect(answer.contains("Of 8 gains that can be compared with both controls"))
        #expect(answer.contains("all outlast both"))
        #expect(answer.contains("+5.00 points (95% interval +4.00 to +6.00)"))
        #expect(
            answer.contains("whole nets from scratch (MNIST and CIFAR-10)")
                && answer.contains("heads on frozen features (MNIST and CIFAR-10)"))
    }

    @Test func gainsThatTheControlsHaveTooAreTraining() throws {
        for rest in [0.0, -0.04] {
            let report = sample(overOneVsAll: 0.05, overControls: rest)
            let answer = try text(report, "answer")
            #expect(answer.contains("none is shown to outlast them"))
            #expect(
                try text(report, "why").contains(
                    "the trials do not show that voting or elimination"))
        }
    }

    @Test func gainsWithoutControlsAreNotExplained() throws {
        var report = sample(overOneVsAll: 0.05, overControls: 0.03)
        for index in report.datasets.indices {
            report.datasets[index].comparisons.removeAll { $0.against != .oneVsAll }
        }
        #expect(try text(report, "answer").contains("the controls were not run"))
        #expect(try text(report, "answer").contains("not run"))
    }

    @Test func lossesAreSaidToo() throws {
        let answer = try text(sample(overOneVsAll: -0.03, overControls: -0.03), "answer")
        #expect(
            answer.contains("none is shown to gain on one-vs-all and 8 to lose to it"))
        #expect(answer.contains("The losses are with"))
        #expect(answer.contains("▼ worse") && !answer.contains("The gains are with"))
    }

    @Test func oneTrialHasNoIntervalsAndNoVerdicts() throws {
        let report = sample { $0.trialCount = 1 }
        let page = StudyPage.rendered(report)
        let root = try PageReader.root(of: page)
        #expect(!root.all.contains { $0.classes.contains("whisker") })
        let cells = root.all("td").map(\.text)
        #expect(!cells.contains { $0.contains("better") || $0.contains("worse") })
        // Only the post's own numbers have a deviation.
        let post = root.all("tr").filter { $0.classes.contains("post") }.flatMap { $0.all("td") }
        #expect(cells.filter { $0.contains("±") }.count == post.filter { $0.text != "" }.count - 4)
        let answer = try text(report, "answer")
        #expect(answer.contains("With one trial nothing can be tested"))
        #expect(try text(report, "why").contains("Nothing here was tested often enough"))
    }

    @Test func whatIsMissingIsNamed() throws {
        var report = sample()
        report.missing = ["cifar10 at 50% was not run.", "No scratch heads at 100%."]
        let answer = try text(report, "answer")
        #expect(answer.contains("Not everything was run: 2 gaps"))
        #expect(report.missing.allSatisfy(answer.contains))
        #expect(
            StudyTable.text(report, width: nil).contains("missing: No scratch heads at 100%.\n"))
    }

    @Test func thePostsNumbersStandBesideOurs() throws {
        let root = try PageReader.root(
            of: StudyPage.rendered(
                sample {
                    $0.datasets = ["mnist", "fashion-mnist", "cifar10"]
                    $0.fractions = [0.01, 0.1, 0.25, 0.5, 1]
                }))
        let rows = try #require(root.first(id: "post")).all("tr").filter {
            $0.classes.contains("post")
        }.map { $0.all("td").map(\.text).filter { $0.contains("±") } }
        #expect(
            rows == [
                ["85 ± 0", "92 ± 0", "92 ± 0"], ["96 ± 0", "97 ± 0", "96 ± 0"],
                ["97 ± 0", "97 ± 0", "97 ± 0"], ["98 ± 0", "98 ± 0", "98 ± 0"],
                ["99 ± 0", "99 ± 0", "99 ± 0"], ["19 ± 0", "26 ± 0", "27 ± 0"],
                ["39 ± 1", "42 ± 4", "39 ± 2"], ["45 ± 4", "51 ± 2", "50 ± 1"],
                ["48 ± 3", "57 ± 0", "53 ± 1"], ["63 ± 1", "63 ± 0", "63 ± 0"],
            ])
    }

    /// What is not the post's job is not compared with it, and its heading says what differs.
    @Test func anotherJobIsNotComparedWithThePost() throws {
        func root(_ change: (inout StudySettings) -> Void) throws -> PageElement {
            var report = sample { $0.arms = [.frozen, .derived] }
            var settings = StudySettings.post
            change(&settings)
            report.settings = settings
            return try PageReader.root(of: StudyPage.rendered(report))
        }
        let same = try root { _ in }
        let post = try #require(same.first(id: "post"))
        let rows = post.all("tr").filter { !$0.all("small").isEmpty }
        // Derived heads are not as the post trained them; one-vs-all, which stands beside all, is.
        #expect(rows.count == 8)
        for row in rows {
            let isFrozen = row.all("th").first?.text == "frozen features"
            #expect(row.all("small").count == (isFrozen ? 3 : 1))
        }
        #expect(same.first(id: "answer")?.text.contains("Of the post's gains") == true)
        #expect(same.first(id: "accuracy")?.text.contains("the post's number") == true)
        let charts = try #require(same.first(id: "accuracy")).all("svg").filter {
            $0.classes.contains("chart")
        }
        let marked = charts.filter { $0.all.contains { $0.classes.contains("postmark") } }
        #expect(charts.count == 4 && marked.count == 2)

        let other = try root { ($0.otherEvery, $0.epochCount) = (40, 4) }
        let what = "rows one in 40 instead of one in 10, backbone epochs 4 instead of 12"
        let headings = try #require(other.first(id: "post")).all("h3").map(\.text)
        #expect(
            headings == ["MNIST", "CIFAR-10"].map { $0 + ", another job than the post's: " + what })
        #expect(other.first(id: "post")?.all("small").isEmpty == true)
        #expect(other.all("title").first?.text.hasSuffix(what) == true)
        let answer = try #require(other.first(id: "answer")).text
        #expect(answer.contains("This is not the post's job (rows one in 40"))
        #expect(!answer.contains("(the post:") && !answer.contains("not the post's: at"))
        #expect(!answer.contains("Of the post's gains"))
        let accuracy = try #require(other.first(id: "accuracy"))
        #expect(!accuracy.text.contains("the post's number"))
        #expect(!accuracy.all.contains { $0.classes.contains("postmark") })
    }

    @Test func binsWithoutRowsAreLeftOut() throws {
        var report = sample {
            $0.datasets = ["mnist"]
            $0.fractions = [0.01]
            $0.arms = [.frozen]
        }
        let bins = (0..<15).map {
            CalibrationBin(
                count: [9, 14].contains($0) ? 5 : 0, meanConfidence: Double($0) / 15 + 0.03,
                accuracy: 0.5)
        }
        for index in report.datasets[0].cells.indices {
            report.datasets[0].cells[index].calibration = bins
        }
        let root = try PageReader.root(of: StudyPage.rendered(report))
        let section = try #require(root.first(id: "calibration"))
        // Four schemes, two bins each.
        #expect(section.all.filter { $0.classes.contains("bar") }.count == 8)
        let chart = try #require(section.all("svg").first { $0.classes.contains("chart") })
        let curves = chart.all("polyline").compactMap { $0.attributes["points"] }
        #expect(curves.map { $0.split(separator: " ").count } == [2, 2, 2, 2])
    }

    @Test func aNightInWhichNobodyWorkedIsLeftOut() throws {
        var report = sample()
        report.timeline = [
            StudySpan(worker: "a", work: "x", kind: "heads", start: 0, seconds: 100),
            StudySpan(worker: "b", work: "x", kind: "backbone", start: 50, seconds: 100),
            StudySpan(worker: "a", work: "x", kind: "heads", start: 36_150, seconds: 50),
        ]
        let time = try text(report, "time")
        #expect(time.contains("2 workers did 3 pieces of work, 4m 10s in all, within 3m 20s."))
        #expect(time.contains("1 pause in which nobody worked, 10h 00m"))
        #expect(time.contains("75.0%") && time.contains("50.0%"))
    }

    @Test func theFrontierNamesWhatIsNotBeaten() throws {
        var report = sample {
            $0.datasets = ["mnist"]
            $0.fractions = [0.1]
            $0.arms = [.frozen]
        }
        let point = { (policy: String, accuracy: Double, flops: Double) in
            StudyFrontierPoint(
                fraction: 0.1, arm: .heads(.frozen),
                outcome: PolicyOutcome(
                    policy: policy, accuracy: accuracy, headsPerRow: flops / 1_000,
                    flopsPerRow: flops, topNeverChangedShare: 0.875))
        }
        report.datasets[0].frontier = [
            point("drop 1", 0.9, 4_000), point("drop 2", 0.8995, 2_000),
            point("drop 3", 0.85, 3_000),
        ]
        let root = try PageReader.root(of: StudyPage.rendered(report))
        let tables = try #require(root.first(id: "frontier")).all("table")
        #expect(tables.first?.text.contains("87.5% of the rows") == true)
        #expect(tables.first?.text.contains("2.00 instead of 4.00") == true)
        #expect(tables.first?.text.contains("50%") == true)
        let marks = try #require(tables.last).all("tr").compactMap { $0.all("td").last?.text }
        #expect(marks == ["✓", "✓", ""])
    }
}
