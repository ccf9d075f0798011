// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target is built with these.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
    .strictMemorySafety(),
]

/// Kernels are useless unoptimised, and their bits must not depend on contraction (design 2).
let kernelFlags: [CSetting] = [
    .unsafeFlags(["-O3", "-ffp-contract=off", "-fno-math-errno", "-Wall", "-Wextra", "-Werror"])
]

/// The commit that is built, as Scripts/lib/common.sh and Deploy/Dockerfile say it.
///
/// Not from `Context.gitInformation`: SwiftPM evaluates this file again when it or the environment
/// changes, not at a commit, so that would soon be an older one.
let commit = Context.environment["MANYHEADS_COMMIT"].map {
    $0.filter { $0.isASCII && ($0.isLetter || $0.isNumber || "+-._".contains($0)) }
}
let commitFlags: [CSetting] = [
    .define("MANYHEADS_COMMIT", to: "\"\(commit.flatMap { $0.isEmpty ? nil : $0 } ?? "unknown")\"")
]

/// A Swift module of ours in `Sources/<name>`.
func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// The tests of a module, in `Tests/<name>Tests`.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: dependencies + ["TestSupport"], swiftSettings: strict)
}

let argumentParser: Target.Dependency = .product(
    name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
// For the system's reason behind an error of SQLite's, which GRDB does not give.
let sqlite: Target.Dependency = .product(name: "GRDBSQLite", package: "GRDB.swift")
let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")

let package = Package(
    name: "manyheads",
    products: [
        .executable(name: "coordinator", targets: ["coordinator"]),
        .executable(name: "worker", targets: ["worker"]),
        .executable(name: "bench", targets: ["bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        // The journal: SQLite with typed statements, transactions and errors.
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // System libraries: a module map and a shim header each, one Swift importer each.
        .systemLibrary(name: "CZeroMQ"),
        .systemLibrary(name: "COneDNN"),
        .systemLibrary(name: "CSodium"),
        .systemLibrary(name: "CZlib"),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CRelease"),

        // Our C.
        .target(name: "CHeadKernels", cSettings: kernelFlags),
        .target(name: "CLogitKernels", cSettings: kernelFlags),
        .target(
            name: "CBackboneKernels", cSettings: kernelFlags,
            linkerSettings: [.linkedLibrary("m"), .linkedLibrary("gomp")]),

        // What CRelease declares; only the programs link it.
        .target(name: "CCommit", cSettings: commitFlags),

        // Pure layer: no C, no clock, no thread, no file.
        module("Numerics", []),
        module("Statistics", ["Numerics"]),
        module("Heads", ["Numerics"]),
        module("Decoding", ["Heads", "Numerics", "Statistics"]),
        module("Study", ["Decoding", "Heads", "Numerics", "Statistics"]),
        module("Probe", ["Decoding", "Heads", "Numerics", "Statistics"]),
        module("Scheduling", ["Heads", "Numerics"]),
        module("Transfer", ["Numerics"]),
        .target(
            name: "WireProtocol", dependencies: ["Heads", "Numerics", "Transfer", protobuf],
            exclude: ["Schema"], swiftSettings: strict),
        module("Sessions", ["Heads", "Numerics", "Scheduling", "Transfer", "WireProtocol"]),
        module("Simulation", ["Heads", "Numerics", "Scheduling", "Transfer"]),

        // Edges.
        module("Hashing", ["CSodium"]),
        module("ZeroMQ", ["CZeroMQ", "Formats"]),
        module("OneDNN", ["COneDNN"]),
        module("System", ["CLinux", "CRelease"]),
        module("Formats", ["CZlib", "Hashing", "Numerics"]),
        .target(
            name: "ONNX", dependencies: ["Formats", "Numerics", protobuf], exclude: ["Schema"],
            swiftSettings: strict),
        module("ImageData", ["Formats", "Hashing", "Numerics"]),
        module("FeatureSource", ["Formats", "Hashing", "ImageData", "Numerics"]),
        module("LeNet", ["CBackboneKernels", "Heads", "Numerics", "OneDNN"]),
        module("HeadTraining", ["CHeadKernels", "Heads", "Numerics"]),
        module("LogitKernels", ["CLogitKernels", "Decoding", "Heads", "Numerics"]),
        module("FeatureStore", ["Hashing", "Numerics", "Transfer"]),
        module("Journal", ["Formats", "Hashing", "Heads", "Numerics", "Transfer", grdb, sqlite]),
        module("RunFolder", ["Formats", "Hashing", "Heads", "Journal", "Numerics", "Probe"]),
        module("Model", ["Decoding", "Formats", "Heads", "ImageData", "LeNet", "Numerics"]),
        module(
            "Prediction",
            [
                "Decoding", "FeatureSource", "Formats", "Heads", "ImageData", "LeNet",
                "LogitKernels", "Model",
                "Numerics",
            ]),
        module("HTTP", ["System"]),
        module("InferenceProtocol", ["Numerics"]),
        module("Serving", ["Formats", "HTTP", "InferenceProtocol", "Numerics"]),
        module("Display", ["Numerics", "Scheduling", "Sessions", "Statistics", "System"]),
        module("Pages", ["Decoding", "Display", "Numerics", "Probe", "Study"]),
        module("ProbeWork", ["FeatureStore", "HeadTraining", "Heads", "Numerics", "Probe"]),
        module(
            "StudyWork",
            [
                "Decoding", "FeatureStore", "Hashing", "HeadTraining", "Heads", "ImageData",
                "LeNet", "LogitKernels", "Numerics", "Study",
            ]),

        // What runs them, and the programs.
        module(
            "CoordinatorNetwork",
            [
                "FeatureStore", "Formats", "Hashing", "HeadTraining", "Heads", "Numerics",
                "Scheduling", "Sessions", "System", "WireProtocol", "ZeroMQ",
            ]),
        module("Fleet", ["CoordinatorNetwork", "Formats", "Sessions", "System", "ZeroMQ"]),
        module(
            "Programs",
            [
                "CoordinatorNetwork", "Decoding", "Display", "FeatureSource", "FeatureStore",
                "Fleet", "Formats", "HTTP", "Hashing", "HeadTraining", "Heads", "ImageData",
                "InferenceProtocol", "Journal", "LeNet", "LogitKernels", "Model", "Numerics",
                "ONNX", "Pages", "Prediction", "Probe", "ProbeWork", "RunFolder", "Scheduling",
                "Serving", "Sessions",
                "Simulation", "Statistics", "Study", "StudyWork", "System", "Transfer",
                "WireProtocol", "ZeroMQ",
            ]),
        module(
            "WorkerRuntime",
            [
                "FeatureStore", "HeadTraining", "Heads", "Numerics", "Sessions", "System",
                "Transfer", "WireProtocol", "ZeroMQ", logging,
            ]),
        .executableTarget(
            name: "coordinator",
            dependencies: [
                "CCommit", "Decoding", "Display", "FeatureSource", "Fleet", "Heads", "ImageData",
                "LeNet", "Numerics", "Probe", "Programs", "Sessions", "Study", "System",
                argumentParser,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "worker",
            dependencies: [
                "CCommit", "FeatureStore", "HeadTraining", "ProbeWork", "Sessions", "StudyWork",
                "System", "WorkerRuntime", argumentParser, logging,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "bench",
            dependencies: [
                "CCommit", "Decoding", "FeatureStore", "HeadTraining", "Heads", "LeNet",
                "LogitKernels", "Numerics", "Programs", "Sessions", "Statistics", "System",
                "Transfer", argumentParser,
            ],
            swiftSettings: strict),

        // Tests, mirrored by module.
        .target(
            name: "TestSupport", dependencies: [], path: "Tests/TestSupport", swiftSettings: strict),
        tests("Numerics", ["Numerics"]),
        tests("Statistics", ["Statistics"]),
        tests("Heads", ["Heads"]),
        tests("Decoding", ["Decoding", "Heads", "LogitKernels", "Numerics"]),
        tests("Study", ["Decoding", "Study"]),
        tests("Probe", ["Decoding", "Heads", "Numerics", "Probe"]),
        tests(
            "ProbeWork",
            ["FeatureStore", "HeadTraining", "Heads", "Numerics", "Probe", "ProbeWork"]),
        tests("Scheduling", ["Heads", "Numerics", "Scheduling"]),
        tests("Transfer", ["Numerics", "Transfer"]),
        tests("Simulation", ["Heads", "Simulation"]),
        tests("WireProtocol", ["Heads", "Numerics", "Transfer", "WireProtocol"]),
        tests(
            "Sessions",
            [
                "FeatureStore", "Heads", "Numerics", "Scheduling", "Sessions", "Transfer",
                "WireProtocol",
            ]),
        tests("Hashing", ["Hashing"]),
        tests("ZeroMQ", ["ZeroMQ"]),
        tests("System", ["System"]),
        tests("Formats", ["Formats", "Numerics"]),
        tests("ONNX", ["Formats", "Numerics", "ONNX"]),
        tests("ImageData", ["ImageData", "Numerics"]),
        tests("FeatureSource", ["FeatureSource", "Formats", "ImageData", "Numerics"]),
        tests("LeNet", ["CBackboneKernels", "LeNet", "Numerics", "OneDNN"]),
        tests("HeadTraining", ["HeadTraining", "Heads", "Numerics"]),
        tests("LogitKernels", ["Decoding", "Heads", "LogitKernels", "Numerics"]),
        tests("FeatureStore", ["FeatureStore", "Hashing", "Numerics", "Transfer"]),
        tests("Journal", ["Formats", "Heads", "Journal", "Numerics", "Transfer"]),
        tests(
            "RunFolder",
            ["Decoding", "Formats", "Heads", "Journal", "Numerics", "Probe", "RunFolder"]),
        tests("Model", ["Decoding", "Formats", "Heads", "ImageData", "Model", "Numerics"]),
        tests(
            "Prediction",
            ["Decoding", "FeatureSource", "Formats", "Heads", "Model", "Numerics", "Prediction"]),
        tests("HTTP", ["HTTP", "System"]),
        tests("InferenceProtocol", ["InferenceProtocol", "Numerics"]),
        tests("Serving", ["HTTP", "InferenceProtocol", "Numerics", "Serving"]),
        tests("Display", ["Display", "Scheduling"]),
        tests("Pages", ["Decoding", "Display", "Numerics", "Pages", "Probe", "Study"]),
        tests(
            "StudyWork",
            [
                "Decoding", "FeatureStore", "HeadTraining", "ImageData", "LeNet", "Study",
                "StudyWork",
            ]),
        tests(
            "Programs",
            [
                "CoordinatorNetwork", "FeatureSource", "FeatureStore", "Fleet", "Formats",
                "HeadTraining", "Heads", "ImageData", "Model", "Numerics", "Pages", "Programs",
                "RunFolder", "Scheduling", "Sessions", "System", "Transfer", "WorkerRuntime",
                "ZeroMQ",
            ]),
        tests(
            "EndToEnd",
            [
                "Decoding", "Formats", "Hashing", "HeadTraining", "Heads", "Journal", "Model",
                "Numerics", "RunFolder",
                "System", "Transfer", "WireProtocol", "ZeroMQ", "bench", "coordinator", "worker",
            ]),
        tests("Tidy", []),
    ],
    cLanguageStandard: .c17
)
