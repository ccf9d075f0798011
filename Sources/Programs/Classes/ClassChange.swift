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
    /// What a person should know first; nil for nothing.
    package let note: String?

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
        do {
            (words, note) = try Self.words(folder, change, runDirectory, more)
        } catch {
            throw CoordinatorProgram.runError(error)
        }
    }

    /// The option that starts a worker on each core of this machine; none where others say who works.
    ///
    /// - Parameter options: the person's own, of run.
    package static func workers(beside options: [String], coreCount: Int) -> [String] {
        let names = options.map(CommandLineWords.optionName)
        return Set(names).isDisjoint(with: ["--workers", "--bind", "--min-workers"])
            ? ["--workers=\(coreCount)"] : []
    }

    private static func words(
        _ folder: String, _ change: Change, _ runDirectory: String, _ more: [String]
    ) throws -> (words: [String], note: String?) {
        let former = try FormerRun(folder)
        var config = try RunDirectory.readResults(in: folder).config
        guard case .string(let train)? = config["train"] else {
            throw RunError(
                .data, "\(folder) does not say its training files; train it again with --train")
        }
        var note: String?
        switch change {
        case .add(let files, let labels):
            if case .string(let weights)? = config["sample_weight"],
                !more.map(CommandLineWords.optionName).contains("--sample-weight")
            {
                throw RunError.usage(
                    "\(folder) has weights for its own rows only, \(weights); give a file of weights of the former rows and then the new ones, behind --: -- --sample-weight FILE"
                )
            }
            for path in [train, files] where path.contains(",") && FileSystem.exists(path) {
                throw RunError.usage(
                    "\(path) has a comma in its name, which stands between files here; \(path == train ? "train a run on the file by another name" : "rename the file")"
                )
            }
            let formerLabels = config["train_labels"]
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
                let added = try LabelColumn(userFiles: labels).labels.names
                let names = former.model.classNames
                let new = added.filter { !names.contains($0) }
                config["classes"] = .string(ClassSelection.named(names + new).description)
                note = try Self.returning(new, from: formerLabels, to: labels, folder)
                if note != nil { try Self.refuseThinned(config, folder, "with that class") }
            }
        case .drop(let text):
            try Self.refuseThinned(config, folder, "without a class")
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
        let words =
            ["run"] + Resumption.options(of: config)
            + Self.workers(beside: more, coreCount: Processor.availableCoreCount) + more
            + ["--from=\(folder)", "--run-dir=\(runDirectory)"]
        return (words, note)
    }

    /// Refuses a run on every Nth row, which are counted over all classes kept.
    private static func refuseThinned(
        _ config: [String: JSONValue], _ folder: String, _ change: String
    ) throws(RunError) {
        guard let every = config["every"]?.number, every != 1 else { return }
        throw .usage(
            "\(folder) is trained on every Nth row of all its classes together (--every \(Int(every))), so \(change) all rows would be others, and every head with them; train a run on all rows, or on files thinned before, and change its classes"
        )
    }

    /// What is said of classes that the former run left out, whose old rows come back; nil for none.
    private static func returning(
        _ names: [String], from former: JSONValue?, to added: String, _ folder: String
    ) throws -> String? {
        guard case .string(let path)? = former else { return nil }
        let (old, new) = (
            try LabelColumn(userFiles: path).rowCounts, try LabelColumn(userFiles: added).rowCounts
        )
        let sentences = names.compactMap { name in
            old[name].map {
                "\(folder) left out class \(name.prefix(80)), which comes back: it is trained on its \($0.counted("former row")) and its \(new[name, default: 0].counted("new row"))"
            }
        }
        return sentences.isEmpty ? nil : sentences.joined(separator: "; ")
    }

    /// Writes `heads.csv` in the folder of a run that took heads over: each one's digest before and after.
    ///
    /// - Parameter folder: of the former run.
    /// - Returns: a sentence for people.
    /// - Throws: `RunError`, one sentence, if it cannot be written.
    package static func report(
        from folder: String, in runDirectory: String
    ) throws(RunError) -> String {
        do {
            let (before, after) = (
                try OpenedModel.read(folder), try OpenedModel.read(runDirectory)
            )
            var digests: [[[UInt64]]: String] = [:]
            for head in before.heads {
                digests[keys(head, before)] = digest(head, before)
            }
            var lines = ["\"classes\",\"sha256_before\",\"sha256_after\",\"kept\"\n"]
            var keptCount = 0
            for head in after.heads {
                let (own, former) = (digest(head, after), digests[keys(head, after)])
                if own == former { keptCount += 1 }
                let names =
                    head.key.own.map { after.classNames[$0.classIndex] + " | the rest" }
                    ?? head.key.groups.map { group in
                        group.members.map { after.classNames[$0] }.joined(separator: " + ")
                    }.joined(separator: " | ")
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

    /// The keys of each group of a head's classes, in the order of its outputs.
    private static func groups(_ head: Head, _ model: Model) -> [[UInt64]] {
        head.key.groups.map { $0.members.map { model.classKeys[$0] }.sorted() }
    }

    /// What a head tells apart, whatever numbers its classes have.
    private static func keys(_ head: Head, _ model: Model) -> [[UInt64]] {
        groups(head, model).sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// SHA-256 of a head's outputs in the order of its groups' keys.
    private static func digest(_ head: Head, _ model: Model) -> String {
        let groups = groups(head, model)
        let order = groups.indices.sorted { groups[$0].lexicographicallyPrecedes(groups[$1]) }
        let (weights, biases) = (head.weights, head.biases)
        var hash = SHA256()
        for place in order { hash.update(weights.row(place)) }
        hash.update(order.map { biases[$0] }[...])
        return hexadecimal(hash.finalize())
    }
}

extension LabelColumn {
    /// The labels of one file, or of several with commas between them.
    fileprivate init(userFiles text: String) throws(FormatError) {
        guard !FileSystem.exists(text) else {
            try self.init(userFile: text)
            return
        }
        var columns: [LabelColumn] = []
        for path in text.split(separator: ",") {
            columns.append(try LabelColumn(userFile: String(path)))
        }
        self.init(joining: columns, path: text)
    }

    /// How many rows each label has, by its name.
    fileprivate var rowCounts: [String: Int] {
        let names = labels.names
        return Dictionary(places.map { (names[$0], 1) }, uniquingKeysWith: +)
    }
}
