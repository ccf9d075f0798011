import FeatureSource
import Formats
import Hashing
import Heads
import ImageData
import Model
import Numerics
import RunFolder
package import System

/// `coordinator classes`: a new run whose classes are others, and whose other heads are the same bits.
package struct ClassChange: Sendable {
    /// What changes.
    package enum Change: Sendable {
        /// Rows of new classes, or more rows of known ones: files as of --train, and of their labels,
        /// nil where they are beside the rows.
        case add(files: String, labels: String?)
        /// Names of classes that go, as of --classes.
        case drop(String)
    }

    /// The command line that does it, without its program.
    package let words: [String]
    private let folder: String

    /// The run that has other classes than the one in a folder.
    ///
    /// - Parameters:
    ///   - folder: of a finished run on features of the user's own.
    ///   - runDirectory: where the new run's files go.
    ///   - more: options of run, in the place of the former ones.
    /// - Throws: `RunError`, one sentence, for a run whose classes cannot be changed so.
    package init(
        _ folder: String, _ change: Change, runDirectory: String, more: [String]
    ) throws(RunError) {
        self.folder = folder
        do {
            words = try Self.words(folder, change, runDirectory, more)
        } catch {
            throw CoordinatorProgram.runError(error)
        }
    }

    /// The option that starts a worker on each core of this machine; none where others say who works.
    ///
    /// - Parameter options: the person's own, of run.
    package static func workers(beside options: [String], coreCount: Int) -> [String] {
        let names = options.map { String($0.prefix { $0 != "=" }) }
        return Set(names).isDisjoint(with: ["--workers", "--bind", "--min-workers"])
            ? ["--workers=\(coreCount)"] : []
    }

    private static func words(
        _ folder: String, _ change: Change, _ runDirectory: String, _ more: [String]
    ) throws -> [String] {
        let former = try FormerRun(folder)
        var config = try RunDirectory.readResults(in: folder).config
        guard case .string(let train)? = config["train"] else {
            throw RunError(
                .data, "\(folder) does not say its training files; train it again with --train")
        }
        switch change {
        case .add(let files, let labels):
            config["train"] = .string(train + "," + files)
            switch (config["train_labels"], labels) {
            case (.string(let known)?, let labels?):
                config["train_labels"] = .string(known + "," + labels)
            case (.string, nil):
                throw RunError.usage(
                    "the labels of \(folder) are in files of their own; give those of \(files) by --add-labels"
                )
            case (_, let labels?):
                throw RunError.usage(
                    "the labels of \(folder) are beside its rows, and so must those of \(files) be; leave out --add-labels \(labels)"
                )
            case (_, nil): break
            }
            if config["classes"] != .string(ClassSelection.all.description), let labels {
                let added = try LabelColumn(userFile: labels).labels.names
                let names = former.model.classNames
                config["classes"] = .string(
                    ClassSelection.named(names + added.filter { !names.contains($0) }).description)
            }
        case .drop(let text):
            let names = former.model.classNames
            let dropped = try ClassSelection(names: text).indices(ofSome: names)
            let kept = names.indices.filter { !dropped.contains($0) }.map { names[$0] }
            guard kept.count >= 2 else {
                throw RunError.usage(
                    "without \(text) \(kept.count == 1 ? "one class is" : "no class is") left; a classifier needs at least two"
                )
            }
            config["classes"] = .string(ClassSelection.named(kept).description)
        }
        for key in ["run_dir", "bind", "workers", "min_workers", "wait", "json", "quiet"] {
            config[key] = .null
        }
        return ["run"] + Resumption.options(of: config)
            + Self.workers(beside: more, coreCount: Processor.availableCoreCount) + more
            + ["--from=\(folder)", "--run-dir=\(runDirectory)"]
    }

    /// Writes `heads.csv` in the new run's folder: each head's digest before and after.
    ///
    /// - Returns: a sentence for people.
    /// - Throws: `RunError`, one sentence, if it cannot be written.
    package func report(in runDirectory: String) throws(RunError) -> String {
        do {
            let (before, after) = (
                try OpenedModel.read(folder), try OpenedModel.read(runDirectory)
            )
            var digests: [[UInt64]: String] = [:]
            for head in before.heads {
                digests[Self.keys(head, before)] = Self.digest(head, before)
            }
            var lines = ["\"classes\",\"sha256_before\",\"sha256_after\",\"kept\"\n"]
            var keptCount = 0
            for head in after.heads {
                let (own, former) = (Self.digest(head, after), digests[Self.keys(head, after)])
                if own == former { keptCount += 1 }
                let names = head.classes.members.map { after.classNames[$0] }
                    .joined(separator: " | ")
                lines.append(
                    "\(CSVFields.inQuotes(names)),\"\(former ?? "")\",\"\(own)\",\(own == former)\n"
                )
            }
            try AtomicFile.write(Array(lines.joined().utf8), to: runDirectory + "/heads.csv")
            return
                "\(keptCount.grouped) of \(after.heads.count.counted("head")) kept their bits; \(runDirectory)/heads.csv has each one's digest before and after"
        } catch {
            throw CoordinatorProgram.runError(error)
        }
    }

    /// What a head tells apart, whatever numbers its classes have.
    private static func keys(_ head: Head, _ model: Model) -> [UInt64] {
        head.classes.members.map { model.classKeys[$0] }.sorted()
    }

    /// SHA-256 of a head's outputs in the order of its classes' keys.
    private static func digest(_ head: Head, _ model: Model) -> String {
        let members = head.classes.members
        let order = members.indices.sorted {
            model.classKeys[members[$0]] < model.classKeys[members[$1]]
        }
        let (weights, biases) = (head.weights, head.biases)
        var hash = SHA256()
        for place in order { hash.update(weights.row(place)) }
        hash.update(order.map { biases[$0] }[...])
        return hexadecimal(hash.finalize())
    }
}
