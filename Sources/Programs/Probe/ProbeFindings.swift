import Decoding
import Display
import Formats
import Hashing
import HeadTraining
import Heads
import LogitKernels
import Model
import Numerics
import Pages
import Probe
import ProbeWork
import RunFolder
import Sessions
import System

/// All that a probe found, on its way into files and onto the screen.
struct ProbeFindings {
    let options: ProbeOptions
    let config: [String: JSONValue]
    let data: RunData
    let rows: ProbeData
    let book: ProbeBook
    let chooser: ProbeChooser
    let collected: CollectedOutcomes?

    private var plan: ProbePlan { book.plan }

    /// Tests the heads of the best penalties, writes all files and prints the table, or results.json.
    func publish(
        to directory: StudyDirectory, _ clock: ProbeClock, _ console: Console
    ) throws {
        let model = try model()
        var files: [String: [UInt8]] = ["model.safetensors": try model.file().encoded()]
        var tests: [Scheme: ProbabilityMetrics] = [:]
        var columns: [PredictionsCSV.Column] = []
        if !rows.testLabels.isEmpty {
            for family in plan.families {
                guard let heads = finalHeads(of: family) else { continue }
                let result = try ProbeJudge.result(
                    of: family.scheme, heads, rows.test, rows.testLabels, data.classCount,
                    model.calibrations)
                tests[family.scheme] = result.metrics
                columns.append(
                    PredictionsCSV.Column(
                        key: family.scheme.rawValue,
                        predictions: result.metrics.evaluation.predictions,
                        probabilities: result.confidences))
            }
            files["predictions.csv"] =
                PredictionsCSV(
                    labels: rows.testLabels, classNames: data.classNames, columns: columns
                ).encoded()
        }
        clock.end(.evaluate)
        let report = report(
            tests: tests, digests: digests(columns: columns), clock: clock)
        files["results.csv"] = Array(ProbeCSV.text(report).utf8)
        files["probe.svg"] = Array(ProbeChart(report).rendered().utf8)
        for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
            try directory.write(bytes, named: name)
        }
        let results = results(report, files)
        let json = try JSONFile.encode(results)
        try directory.write(json, named: "results.json")
        console.log(
            .info,
            "written: \(directory.path)/results.json, results.csv, probe.svg, model.safetensors\(tests.isEmpty ? "" : ", predictions.csv")"
        )
        try StandardStream.output(
            options.run.printsJSON
                ? String(decoding: json, as: UTF8.self)
                : ProbeTable.text(report, width: Terminal.outputColumns))
    }

    // MARK: - The model

    private func finalHeads(of family: ProbeFamily) -> [Head]? {
        book.entries(of: family, .all, step: -1)?.flatMap(\.record.result.heads)
    }

    /// The family whose best penalty does best on held-out rows, of equals the first.
    private var best: ProbeFamily? {
        options.criterion.best(
            of: plan.families.map { family in
                book.chosen(for: family).flatMap { chooser.metrics(of: family)[$0] }
                    .map { ProbeReport.Scores($0) }
            }
        ).map { plan.families[$0] }
    }

    private func model() throws -> Model {
        var heads: [HeadKey: Head] = [:]
        var calibrations: [Scheme: Calibration] = [:]
        for family in plan.families {
            // Of two classes all families have the same head.
            for head in finalHeads(of: family) ?? [] where heads[head.key] == nil {
                heads[head.key] = head
            }
            guard let step = book.chosen(for: family) else { continue }
            let calibration = try rows.judge.calibration(of: family.scheme) { place in
                (book.entries(of: family, place, step: step) ?? []).flatMap(\.record.result.heads)
            }
            if let calibration { calibrations[family.scheme] = calibration }
        }
        let ordered = heads.sorted { $0.key < $1.key }.map(\.value)
        return Model(
            classNames: data.classNames, classKeys: data.classKeys, heads: ordered, backbone: nil,
            normalization: data.normalization, calibrations: calibrations,
            chosenScheme: best?.scheme,
            metadata: [
                "dataset": data.name, "seed": "\(options.run.seed)",
                "digest.heads": RunDigests.heads(ordered), "version": Release.version,
            ])
    }

    // MARK: - The results

    private func digests(columns: [PredictionsCSV.Column]) -> ProbeReport.Digests {
        // Of the heads of every penalty, and of the model's, in the order of the units.
        var hash = SHA256()
        for unit in plan.units {
            for head in book.entry(unit)?.record.result.heads ?? [] {
                hash.update(head.weightSlice)
                hash.update(head.biasSlice)
            }
        }
        var predictions: String?
        if !columns.isEmpty {
            var text = SHA256()
            for column in columns {
                text.update(Array(column.predictions.map { "\($0)\n" }.joined().utf8))
            }
            predictions = hexadecimal(text.finalize())
        }
        return ProbeReport.Digests(heads: hexadecimal(hash.finalize()), predictions: predictions)
    }

    private func point(_ family: ProbeFamily, _ step: Int) -> ProbeReport.Point {
        let places = plan.places
        let tally = Tally(places.flatMap { book.entries(of: family, $0, step: step) ?? [] })
        let c = plan.cValues[step]
        let weight = rows.training.classRowCounts.indices.reduce(0) {
            $0 + rows.training.weightSum(of: $1)
        }
        return ProbeReport.Point(
            c: c, l2: family == .oneVsAll && places.count == 1 ? 1 / (c * weight) : nil,
            heads: tally.headCount, certified: tally.certifiedCount, gapMax: tally.gapMax,
            objective: tally.objective,
            passes: tally.certificates.reduce(0) { $0 + $1.passCount + $1.productCount },
            seconds: tally.entries.reduce(0) { $0 + $1.busySeconds },
            scores: chooser.metrics(of: family)[step].map { ProbeReport.Scores($0) },
            digest: tally.digest)
    }

    private func report(
        tests: [Scheme: ProbabilityMetrics], digests: ProbeReport.Digests, clock: ProbeClock
    ) -> ProbeReport {
        var path: [Scheme: [ProbeReport.Point]] = [:]
        var choice: [Scheme: ProbeReport.Choice] = [:]
        var refit: [Scheme: ProbeReport.Refit] = [:]
        for family in plan.families {
            let points = plan.cValues.indices.map { point(family, $0) }
            path[family.scheme] = points
            choice[family.scheme] = ProbeReport.Choice(from: points, by: options.criterion)
            let tally = Tally(book.entries(of: family, .all, step: -1) ?? [])
            refit[family.scheme] = ProbeReport.Refit(
                rows: rows.training.rowCount + (rows.validation?.rowCount ?? 0),
                heads: tally.headCount, certified: tally.certifiedCount, gapMax: tally.gapMax,
                digest: tally.digest)
        }
        let all = Tally(plan.units.compactMap { book.entry($0) })
        return ProbeReport(
            data: ProbeReport.DataSummary(
                trainRows: rows.training.rowCount,
                validationRows: rows.validation?.rowCount,
                testRows: rows.testLabels.isEmpty ? nil : rows.testLabels.count,
                classes: data.classCount, classNames: data.classNames,
                featureCount: rows.training.featureCount, sha256: data.sha256,
                folds: options.folds, normalize: options.run.normalization),
            gapTolerance: options.gap, path: path, choice: choice, refit: refit,
            test: tests.isEmpty ? nil : tests.mapValues { ProbeReport.Test($0) },
            digests: digests,
            timing: ProbeReport.Timing(
                data: clock.seconds(.data), path: clock.seconds(.path),
                refit: clock.seconds(.refit),
                evaluate: clock.seconds(.evaluate), total: clock.totalSeconds),
            heads: ProbeReport.HeadCounts(
                trained: all.headCount,
                resumed: Tally(all.entries.filter(\.isResumed)).headCount,
                certified: all.certifiedCount, duplicated: collected?.duplicatedCount ?? 0,
                rejected: collected?.rejectedCount ?? 0),
            notes: data.notes + rows.advice.notes)
    }

    private func results(_ report: ProbeReport, _ files: [String: [UInt8]]) -> ProbeResults {
        ProbeResults(
            config: config, report: report,
            workers: (collected?.workers ?? []).map { .init($0) },
            coordinator: .here(threads: options.run.threads),
            files: files.mapValues { RunDigests.predictions($0) }, versions: RunRecord.versions)
    }
}

/// Some units together.
private struct Tally {
    let entries: [ProbeBook.Entry]
    let certificates: [GapCertificate]

    init(_ entries: [ProbeBook.Entry]) {
        self.entries = entries
        certificates = entries.flatMap(\.record.certificates)
    }

    var headCount: Int { certificates.count }
    var certifiedCount: Int { certificates.count { $0.isCertified } }
    var gapMax: Double? { certificates.map(\.relativeGap).max() }
    var objective: Double? {
        certificates.isEmpty
            ? nil : certificates.reduce(0) { $0 + $1.objective } / Double(certificates.count)
    }
    var digest: String { RunDigests.heads(entries.flatMap(\.record.result.heads)) }
}
