import TestSupport
import Testing

/// Who may import whom: the arrows between modules, which go one way.
@Suite struct ImportTests {
    /// The pure layer: no C, no clock, no thread, no file.
    static let pure = [
        "Numerics", "Statistics", "Heads", "Decoding", "Study", "Scheduling", "Simulation",
        "WireProtocol",
    ]

    /// C modules, each with the one Swift module that may import it.
    static let importerOfC = [
        "CBackboneKernels": "LeNet", "CHeadKernels": "HeadTraining", "COneDNN": "OneDNN",
        "CSodium": "Hashing", "CZeroMQ": "ZeroMQ", "CZlib": "Formats",
    ]

    /// For each module the modules of ours that it may import, C modules apart.
    static let arrows: [String: Set<String>] = [
        "Numerics": [],
        "Statistics": [],
        "Heads": ["Numerics"],
        "Decoding": ["Heads", "Statistics", "Numerics"],
        "Study": ["Decoding", "Heads", "Statistics", "Numerics"],
        "Scheduling": ["Heads", "Numerics"],
        "Simulation": ["Heads", "Scheduling", "Numerics"],
        "WireProtocol": ["Heads", "Numerics"],

        "Hashing": [],
        "ZeroMQ": [],
        "OneDNN": [],
        "System": [],
        "Formats": ["Hashing", "Numerics"],
        "ImageData": ["Formats", "Hashing", "Numerics"],
        "LeNet": ["Heads", "OneDNN", "Numerics"],
        "HeadTraining": ["Heads", "Statistics", "Numerics"],
        "FeatureStore": ["Hashing", "Heads", "Numerics"],
        "Journal": ["Formats", "Hashing", "Heads", "Numerics"],
        "RunFolder": ["Formats", "Hashing", "Heads", "Journal", "Numerics"],
        "Reporting": ["Heads", "Study", "Numerics"],

        "StudyWork": [
            "LeNet", "ImageData", "Decoding", "FeatureStore", "Hashing", "Heads",
            "HeadTraining", "Study", "Numerics",
        ],

        "CoordinatorRuntime": [
            "LeNet", "ImageData", "Decoding", "FeatureStore", "Formats", "Hashing", "Heads",
            // To train a disputed head itself.
            "HeadTraining", "Journal", "Reporting", "RunFolder", "Scheduling", "Simulation",
            "Study", "Numerics", "System", "StudyWork", "WireProtocol", "ZeroMQ",
        ],
        "WorkerRuntime": [
            "LeNet", "FeatureStore", "Heads", "HeadTraining", "Numerics", "System",
            "WireProtocol", "ZeroMQ",
        ],
        // A program parses the options of its runtime, whose types live in these.
        "coordinator": ["LeNet", "CoordinatorRuntime", "ImageData", "Heads", "Study"],
        "worker": ["FeatureStore", "HeadTraining", "StudyWork", "WorkerRuntime"],
        "bench": [
            "LeNet", "CoordinatorRuntime", "FeatureStore", "Heads", "HeadTraining", "Numerics",
        ],
    ]

    /// Packages of others, each with the modules that may import it.
    static let importersOfPackage: [String: Set<String>] = [
        "ArgumentParser": ["bench", "coordinator", "worker"],
        "GRDB": ["Journal"],
        "Logging": ["CoordinatorRuntime", "WorkerRuntime", "coordinator", "worker"],
        "SwiftProtobuf": ["WireProtocol"],
    ]

    /// What of the toolchain a module outside the pure layer may import.
    static let toolchain: Set<String> = [
        "Dispatch", "Foundation", "FoundationEssentials", "Glibc", "Synchronization",
    ]

    /// Files that may import what the rest of their module may not.
    static let exceptions: [String: Set<String>] = [
        // SwiftProtobuf's bytes fields are Data; this file turns them into arrays for all others.
        "Sources/WireProtocol/ByteFields.swift": ["FoundationEssentials"]
    ]

    @Test func everyModuleHasItsPlaceInTheTable() {
        let folders = Set(SourceFile.paths(under: "Sources").compactMap(Self.module(of:)))
        let known = Set(Self.arrows.keys).union(Self.importerOfC.keys)
        #expect(folders.subtracting(known) == [], "New modules need a line in this table.")
        #expect(known.subtracting(folders) == [], "These modules are gone.")
    }

    @Test func arrowsGoOneWay() {
        var remaining = Self.arrows
        while let free = remaining.first(where: { module in
            module.value.allSatisfy { remaining[$0] == nil }
        }) {
            remaining[free.key] = nil
        }
        #expect(remaining.isEmpty, "A circle among these modules.")
        for module in Self.pure {
            #expect(Self.arrows[module]?.isSubset(of: Self.pure) == true, "\(module) is pure.")
        }
        #expect(Self.arrows["Scheduling"]?.contains("WireProtocol") == false)
        #expect(Self.arrows["WireProtocol"]?.contains("Scheduling") == false)
    }

    @Test func sourcesKeepToTheTable() {
        var findings: [String] = []
        for file in SourceFile.all(under: "Sources") {
            let exceptions = Self.exceptions[file.path, default: []]
            for (imported, line) in file.imports
            where !Self.may(file.module, use: imported) && !exceptions.contains(imported) {
                findings.append(file.finding(line, "\(file.module) must not import \(imported)."))
            }
        }
        #expect(findings == [])
    }

    @Test func exceptionsAreNeeded() {
        let files = SourceFile.all(under: "Sources")
        for (path, imported) in Self.exceptions {
            let found = files.first { $0.path == path }?.imports.map(\.module) ?? []
            #expect(imported.isSubset(of: found), "\(path)")
        }
    }

    @Test func eachCModuleHasOneImporter() {
        var importers: [String: Set<String>] = [:]
        for file in SourceFile.all(under: "Sources") {
            for (imported, _) in file.imports {
                importers[imported, default: []].insert(file.module)
            }
        }
        for name in Self.importerOfC.keys.sorted() {
            #expect(importers[name, default: []].count <= 1, "\(name)")
        }
    }

    @Test func testsDoWithoutTestableImports() {
        let findings = SourceFile.all(under: "Tests").flatMap { file in
            file.code.enumerated().filter { $0.element.contains("@test" + "able") }
                .map { file.finding($0.offset, "a seam is missing") }
        }
        #expect(findings == [])
    }

    private static func may(_ module: String, use imported: String) -> Bool {
        if let importer = importerOfC[imported] { return module == importer }
        if let importers = importersOfPackage[imported] { return importers.contains(module) }
        if arrows[imported] != nil { return arrows[module]?.contains(imported) == true }
        return toolchain.contains(imported) && !pure.contains(module)
    }

    private static func module(of path: String) -> String? {
        let parts = path.split(separator: "/")
        return parts.count > 2 ? String(parts[1]) : nil
    }
}
