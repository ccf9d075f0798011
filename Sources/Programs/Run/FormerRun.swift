import Formats
import Foundation
import Heads
import Journal
import Model
import Numerics
import RunFolder
import System
import Transfer

/// A finished run whose heads another one takes over: those that would come out with the same bits.
struct FormerRun {
    private let folder: String
    private let results: RunResults
    private let manifest: ChunkManifest
    let model: Model

    /// What heads depend on besides features, labels and key, by how they are trained.
    private static let epochKeys = [
        "head_epochs", "batch_size", "learning_rate", "head_dropout", "head_init", "head_mode",
        "class_weight", "seed",
    ]
    private static let optimumKeys = ["head_epochs", "head_mode", "class_weight"]

    /// Reads results, model and the hashes of the features.
    ///
    /// - Throws: `RunError` or `FormatError`, one sentence, for a folder that is no finished run on
    ///   features, or whose files are not its own.
    init(_ folder: String) throws {
        self.folder = folder
        model = try OpenedModel.read(folder)
        results = try RunDirectory.readResults(in: folder)
        guard model.backbone == nil else {
            throw RunError(
                .data,
                "\(folder) is of images, whose backbone was trained on its classes; heads are taken over from runs on features"
            )
        }
        guard RunDigests.heads(model.heads) == results.digests.heads else {
            throw RunError(
                .data, "the model in \(folder) is not of the results.json that lies beside it")
        }
        let journal = try RunJournal(path: RunDirectory.path(of: .journal, in: folder))
        defer { journal.close() }
        guard let features = try journal.features() else {
            throw RunError(.data, "\(folder) does not know its features; its journal is not whole")
        }
        manifest = features.manifest
    }

    /// Refuses a text among labels that were whole numbers: all are texts then, whose heads are others.
    ///
    /// - Throws: `usage` that names the first such label; what reading the former model throws.
    static func checkLabels(of folder: String, _ data: RunData) throws {
        let former = try OpenedModel.read(folder)
        let keys = Dictionary(zip(former.classNames, former.classKeys)) { first, _ in first }
        guard former.integerLabels != nil,
            zip(data.classNames, data.classKeys).contains(where: { name, key in
                keys[name].map { $0 != key } ?? false
            }),
            let text = data.classNames.first(where: { Int128($0) == nil })
        else { return }
        throw RunError.usage(
            "the labels of \(folder) are whole numbers and \(text.prefix(80)) is a text, which makes texts of all, and every head another; give that class a number, or train a new run on all files"
        )
    }

    /// The heads whose classes have the same rows here and there, if heads are trained alike.
    ///
    /// - Parameters:
    ///   - config: this run's options.
    ///   - l2: the penalty in force; nil of heads trained by epochs.
    /// - Returns: the heads by this run's classes, in its order.
    func heads(
        _ config: [String: JSONValue], l2: Double?, classKeys: [UInt64], _ manifest: ChunkManifest
    ) -> [Head] {
        let keys = l2 == nil ? Self.epochKeys : Self.optimumKeys
        guard keys.allSatisfy({ results.config[$0]?.normalised == config[$0]?.normalised }),
            l2 == nil || results.config["l2"]?.number == l2,
            manifest.features?.featureCount == self.manifest.features?.featureCount
        else { return [] }
        let (here, there) = (Self.rows(manifest), Self.rows(self.manifest))
        var indices: [Int: Int] = [:]
        for (index, key) in classKeys.enumerated() {
            guard let former = model.classKeys.firstIndex(of: key) else { continue }
            if here[index] == there[former] { indices[former] = index }
        }
        return model.heads.compactMap { $0.renamed(indices) }.sorted { $0.key < $1.key }
    }

    /// What is known of each class's rows, and of their weights: all hashes, in order.
    private static func rows(_ manifest: ChunkManifest) -> [[Chunk]] {
        guard let shape = manifest.features else { return [] }
        let classCount = shape.classRowCounts.count
        var parts = [[Chunk]](repeating: [], count: classCount)
        for chunk in manifest.chunks.sorted(by: { ($0.part, $0.first) < ($1.part, $1.first) }) {
            var known = chunk
            // Its class has another number elsewhere.
            known.part = chunk.part / classCount
            parts[chunk.part % classCount].append(known)
        }
        return parts
    }
}

extension Head {
    /// The same head where classes have other numbers; nil if one of them has none.
    fileprivate func renamed(_ indices: [Int: Int]) -> Head? {
        guard key.tellsSingleClasses else { return nil }
        let members = classes.members
        let found = members.compactMap { indices[$0] }
        guard found.count == members.count else { return nil }
        let order = found.indices.sorted { found[$0] < found[$1] }
        let (weights, biases) = (weights, biases)
        return Head(
            classes: ClassSet(found),
            weights: Matrix(
                rowCount: order.count, columnCount: featureCount,
                values: order.flatMap { weights.row($0) }),
            biases: order.map { biases[$0] })
    }
}

extension RunJournal {
    /// Stores heads of a former run that are not here yet.
    ///
    /// - Returns: how many heads of the former run there are now.
    func take(_ heads: [Head], of run: String) throws(FormatError) -> Int {
        let known = Set(try self.heads().flatMap(\.block.keys))
        let missing = heads.filter { !known.contains($0.key) }
        var entries = JournalEntries()
        entries.heads = HeadBlock.runs(of: missing).map {
            HeadRecord(
                block: $0, worker: "former run", host: run, time: Date().timeIntervalSince1970)
        }
        try commit(entries)
        return heads.count
    }
}
