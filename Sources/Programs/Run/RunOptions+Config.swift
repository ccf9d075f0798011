import FeatureSource
package import Formats
import Foundation
import Heads
import ImageData
import LeNet
import Numerics
import Sessions
import System

extension RunOptions {
    /// Where cross-validation chooses the penalty, as config.json says it before it has.
    static let crossValidated: JSONValue = "cross-validated"
    /// Where validation rows do.
    static let validated: JSONValue = "by validation rows"

    /// Every option in force, as config.json and results.json hold it.
    package var config: [String: JSONValue] {
        rowConfig.merging(trainingConfig) { own, _ in own }
            .merging(workConfig) { own, _ in own }
    }

    /// What says which rows there are, and what is done to them.
    private var rowConfig: [String: JSONValue] {
        [
            "dataset": userData == nil ? .string(dataset.rawValue) : .null,
            "train": Self.absolute(userData?.train),
            "train_labels": Self.absolute(userData?.trainLabels),
            "val": Self.absolute(userData?.val),
            "val_labels": Self.absolute(userData?.valLabels),
            "test": Self.absolute(userData?.test),
            "test_labels": Self.absolute(userData?.testLabels),
            "as": userData?.kind.map { .string($0.rawValue) } ?? .null,
            "svmlight_base": userData?.svmlightBase.map { .integer(Int64($0)) } ?? .null,
            "feature_memory": userData.map { .integer(Int64($0.heldByteCountMax >> 20)) } ?? .null,
            "dtype": userData?.readsBfloat16 == true ? .string(Self.bfloat16) : .null,
            "data_dir": Self.absolute(dataDirectory),
            "classes": .string(classes.description), "every": .integer(Int64(every)),
            "fraction": .number(fraction), "holdout": holdout.map { .number($0) } ?? .null,
            "normalize": .string(normalization.rawValue),
            "sample_weight": Self.absolute(userData?.sampleWeights), "seed": .unsigned(seed),
        ]
    }

    /// How backbone and heads train.
    private var trainingConfig: [String: JSONValue] {
        [
            "epochs": .integer(Int64(epochs)), "head_epochs": headEpochs.config,
            "l2": l2.map { .number($0) } ?? (headEpochs == .converge ? chosenL2 : .null),
            "precision": .string(precision.rawValue),
            "batch_size": .integer(Int64(batchSize)),
            "learning_rate": .number(Double(learningRate)),
            "head_dropout": headMode == .frozen ? .number(Double(headDropoutInForce)) : .null,
            "heads": .string(heads.rawValue),
            "head_mode": .string(headMode.rawValue),
            "head_init": .string(headInitialisation.rawValue),
            "class_weight": .string(classWeight.rawValue), "from": Self.absolute(from),
        ]
    }

    /// Who works where, and what comes out.
    private var workConfig: [String: JSONValue] {
        [
            "workers": .integer(Int64(workers)), "min_workers": .integer(Int64(minWorkers)),
            "verify": .number(verify), "wait": waitLimit.map { .number($0.seconds) } ?? .null,
            "bind": .string(bind), "insecure": .bool(insecure),
            // Where they are, never what is in them.
            "key": Self.absolute(keyPath), "allow": Self.absolute(allowPath),
            "threads": .integer(Int64(threads)),
            "run_dir": runDirectory.map { .string($0) } ?? .null,
            "save_features": .bool(savesFeatures), "json": .bool(printsJSON),
            "quiet": .bool(isQuiet), "log_level": .string(logLevel.rawValue),
        ]
    }

    /// The one value of `--dtype`.
    package static let bfloat16 = "bf16"

    private var chosenL2: JSONValue {
        holdout != nil || userData?.val != nil ? Self.validated : Self.crossValidated
    }

    /// A file's whole path, or each of several: what reads a run's files again need not start where the
    /// run did.
    private static func absolute(_ path: String?) -> JSONValue {
        guard let path else { return .null }
        let folder = FileManager.default.currentDirectoryPath
        let paths = FileSystem.exists(path) ? [path[...]] : path.split(separator: ",")
        return .string(
            paths.map { $0.hasPrefix("/") ? String($0) : folder + "/" + $0 }.joined(separator: ","))
    }

    /// Options by which two starts of one run may differ.
    ///
    /// `threads` is among them although the backbone's bits depend on it: what is trained already is
    /// kept, and the heads' bits do not.
    package static let incidental: Set<String> = [
        // What is in them counts, and is compared by its digest.
        "data_dir", "train", "train_labels", "test", "test_labels", "feature_memory", "workers",
        "min_workers", "verify", "wait", "bind", "insecure", "key", "allow",
        "threads", "run_dir", "save_features", "json", "quiet", "log_level",
    ]

    /// Options by which two starts may differ, but not in whether they are set.
    package static let optionalFiles: Set<String> = [
        "val", "val_labels", "sample_weight", "from",
    ]

    /// The options of a run's configuration that say which rows there are, normalisation excepted, to
    /// read them again; nil if it does not say.
    ///
    /// - Throws: `DatasetError` for classes that no run can have.
    init?(rowsOf config: [String: JSONValue], threads: Int) throws {
        func text(_ key: String) -> String? {
            if case .string(let text)? = config[key] { text } else { nil }
        }
        self.init(threads: threads)
        guard let every = config["every"]?.number, let fraction = config["fraction"]?.number,
            let seed = Self.seed(config["seed"]), let classes = text("classes")
        else { return nil }
        if let train = text("train") {
            userData = UserDataRequest(
                train: train, trainLabels: text("train_labels"), test: text("test"),
                testLabels: text("test_labels"), sampleWeights: text("sample_weight"),
                val: text("val"), valLabels: text("val_labels"),
                kind: text("as").flatMap { UserDataRequest.Kind(rawValue: $0) },
                svmlightBase: config["svmlight_base"]?.number.flatMap { Int(exactly: $0) },
                readsBfloat16: text("dtype") == Self.bfloat16)
            if let mebibytes = config["feature_memory"]?.number.flatMap({ Int(exactly: $0) }),
                UserDataRequest.heldMebibyteRange.contains(mebibytes)
            {
                userData?.heldByteCountMax = mebibytes << 20
            }
            self.classes = try ClassSelection(names: classes)
        } else {
            guard let dataset = text("dataset").flatMap({ DatasetName(rawValue: $0) }) else {
                return nil
            }
            self.dataset = dataset
            self.classes = try ClassSelection(parsing: classes)
        }
        dataDirectory = text("data_dir")
        self.every = Int(every)
        self.fraction = fraction
        holdout = config["holdout"]?.number
        self.seed = seed
    }

    private static func seed(_ value: JSONValue?) -> UInt64? {
        switch value {
        case .integer(let number): UInt64(exactly: number)
        case .string(let text): UInt64(text)
        default: nil
        }
    }
}
