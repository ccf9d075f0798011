import TestSupport
import Testing

/// Who imports whom: exactly the arrows that Package.swift declares, and a pure layer that is pure.
@Suite struct ImportTests {
    /// The pure layer: no C, no clock, no thread, no file.
    static let pure: Set<String> = [
        "Decoding", "Heads", "InferenceProtocol", "Numerics", "Probe", "Scheduling", "Sessions",
        "Simulation", "Statistics", "Study", "Transfer", "WireProtocol",
    ]

    /// C modules, each with the one Swift module that may import it.
    static let importerOfC = [
        "CBackboneKernels": "LeNet", "CHeadKernels": "HeadTraining", "CLinux": "System",
        "CLogitKernels": "LogitKernels", "COneDNN": "OneDNN", "CRelease": "System",
        "CSodium": "Hashing", "CZeroMQ": "ZeroMQ", "CZlib": "Formats",
    ]

    /// C that is linked for a symbol and imported by nobody.
    static let linkedOnly: Set<String> = ["CCommit"]

    /// Packages of others, each with the modules that may import it.
    static let importersOfPackage: [String: Set<String>] = [
        "ArgumentParser": ["bench", "coordinator", "worker"],
        "GRDB": ["Journal"],
        "GRDBSQLite": ["Journal"],
        "Logging": ["WorkerRuntime", "worker"],
        "SwiftProtobuf": ["ONNX", "WireProtocol"],
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

    private let map: PackageMap
    private let sources = SourceFile.all(under: "Sources")

    init() throws {
        map = try PackageMap()
    }

    @Test func everyModuleIsDeclared() {
        let folders = Set(SourceFile.paths(under: "Sources").compactMap(Self.module(of:)))
        let known = Set(map.declared.keys).union(Self.importerOfC.keys).union(
            Self.linkedOnly)
        #expect(folders == known)
        #expect(map.declared.count > 20)
    }

    @Test func arrowsAreThoseDeclaredAndNoOthers() {
        var imported: [String: Set<String>] = [:]
        for file in sources {
            let modules = Set(file.imports.map(\.module)).subtracting(Self.toolchain)
            imported[file.module, default: []].formUnion(modules)
        }
        for (module, declared) in map.declared.sorted(by: { $0.key < $1.key }) {
            let used = imported[module, default: []]
            let declared = declared.subtracting(Self.linkedOnly)
            #expect(used.subtracting(declared) == [], "\(module) imports what it does not declare.")
            #expect(declared.subtracting(used) == [], "\(module) declares what it does not import.")
        }
    }

    @Test func pureModulesArePure() {
        for module in Self.pure.sorted() {
            let others = (map.declared[module] ?? ["?"]).subtracting(["SwiftProtobuf"])
            #expect(others.isSubset(of: Self.pure), "\(module)")
        }
        var findings: [String] = []
        for file in sources where Self.pure.contains(file.module) {
            let exceptions = Self.exceptions[file.path, default: []]
            for (imported, line) in file.imports
            where Self.toolchain.contains(imported) && !exceptions.contains(imported) {
                findings.append(file.finding(line, "\(file.module) is pure"))
            }
        }
        #expect(findings == [])
        #expect(map.declared["Scheduling"]?.contains("WireProtocol") == false)
        #expect(map.declared["WireProtocol"]?.contains("Scheduling") == false)
    }

    @Test func clocksAreReadOutsideThePureLayer() {
        let findings = sources.filter { Self.pure.contains($0.module) }.flatMap { file in
            file.code.enumerated().filter {
                $0.element.contains("ContinuousClock") || $0.element.contains("SuspendingClock")
            }.map { file.finding($0.offset, "a pure module has one clock, Instant") }
        }
        #expect(findings == [])
    }

    @Test func packagesOfOthersHaveTheirImporters() {
        for (module, declared) in map.declared {
            for (package, importers) in Self.importersOfPackage where declared.contains(package) {
                #expect(importers.contains(module), "\(module) depends on \(package).")
            }
        }
    }

    @Test func exceptionsAreNeeded() {
        for (path, imported) in Self.exceptions {
            let found = sources.first { $0.path == path }?.imports.map(\.module) ?? []
            #expect(imported.isSubset(of: found), "\(path)")
        }
    }

    @Test func eachCModuleHasOneImporter() {
        for file in sources {
            for (imported, line) in file.imports {
                guard let importer = Self.importerOfC[imported] else { continue }
                #expect(
                    file.module == importer, "\(file.finding(line, "only \(importer) imports it"))")
            }
        }
    }

    @Test func testsDoWithoutTestableImports() {
        let findings = SourceFile.all(under: "Tests").flatMap { file in
            file.code.enumerated().filter { $0.element.contains("@test" + "able") }
                .map { file.finding($0.offset, "a seam is missing") }
        }
        #expect(findings == [])
    }

    private static func module(of path: String) -> String? {
        let parts = path.split(separator: "/")
        return parts.count > 2 ? String(parts[1]) : nil
    }
}
