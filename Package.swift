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

        // Our C.
        .target(name: "CHeadKernels", cSettings: kernelFlags),
        .target(
            name: "CBackboneKernels", cSettings: kernelFlags,
            linkerSettings: [.linkedLibrary("m"), .linkedLibrary("gomp")]),

        // Pure layer: no C, no clock, no thread, no file.
        module("Numerics", []),
        module("Statistics", []),
        module("Heads", ["Numerics"]),
        module("Decoding", ["Heads", "Statistics", "Numerics"]),
        module("Study", ["Decoding", "Heads", "Statistics", "Numerics"]),
        module("Scheduling", ["Heads", "Numerics"]),
        module("Simulation", ["Heads", "Scheduling", "Numerics"]),
        .target(
            name: "WireProtocol", dependencies: ["Heads", "Numerics", protobuf],
            exclude: ["Schema"], swiftSettings: strict),

        // Edges.
        module("Hashing", ["CSodium"]),
        module("ZeroMQ", ["CZeroMQ"]),
        module("OneDNN", ["COneDNN"]),
        module("System", []),
        module("Formats", ["CZlib", "Hashing", "Numerics"]),
        module("ImageData", ["Formats", "Hashing", "Numerics"]),
        module("LeNet", ["CBackboneKernels", "Heads", "OneDNN", "Numerics"]),
        module("HeadTraining", ["CHeadKernels", "Heads", "Statistics", "Numerics"]),
        module("FeatureStore", ["Hashing", "Heads", "Numerics"]),
        module("Journal", ["Formats", "Hashing", "Heads", "Numerics", grdb]),
        module("RunFolder", ["Formats", "Hashing", "Heads", "Journal", "Numerics"]),
        module("Reporting", ["Heads", "Study", "Numerics"]),

        module(
            "StudyWork",
            [
                "LeNet", "ImageData", "Decoding", "FeatureStore", "Hashing", "Heads",
                "HeadTraining", "Study", "Numerics",
            ]),

        // Drivers and programs.
        module(
            "CoordinatorRuntime",
            [
                "LeNet", "ImageData", "Decoding", "FeatureStore", "Formats", "Hashing", "Heads",
                "HeadTraining", "Journal", "Reporting", "RunFolder", "Scheduling", "Simulation",
                "Study", "Numerics", "System", "StudyWork", "WireProtocol", "ZeroMQ",
            ]),
        module(
            "WorkerRuntime",
            [
                "FeatureStore", "Heads", "HeadTraining", "Numerics", "System",
                "WireProtocol", "ZeroMQ", logging,
            ]),
        .executableTarget(
            name: "coordinator",
            dependencies: [
                "LeNet", "CoordinatorRuntime", "ImageData", "Heads", "Study", argumentParser,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "worker",
            dependencies: [
                "FeatureStore", "HeadTraining", "StudyWork", "WorkerRuntime", argumentParser,
                logging,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "bench",
            dependencies: [
                "LeNet", "CoordinatorRuntime", "FeatureStore", "Heads", "HeadTraining",
                "Numerics", argumentParser,
            ],
            swiftSettings: strict),

        // Tests, mirrored by module.
        .target(
            name: "TestSupport", dependencies: [], path: "Tests/TestSupport", swiftSettings: strict),
        tests("Numerics", ["Numerics"]),
        tests("Statistics", ["Statistics"]),
        tests("Heads", ["Heads", "Numerics"]),
        tests("Decoding", ["Decoding", "Heads", "Numerics"]),
        tests("Study", ["Decoding", "Heads", "Statistics", "Study", "Numerics"]),
        tests("Scheduling", ["Scheduling", "Heads", "Numerics"]),
        tests("Simulation", ["Heads", "Scheduling", "Simulation", "Numerics"]),
        tests("WireProtocol", ["WireProtocol", "Heads", "Numerics"]),
        tests("Hashing", ["Hashing"]),
        tests("ZeroMQ", ["ZeroMQ"]),
        tests("System", ["System"]),
        tests("Formats", ["Formats", "Numerics"]),
        tests("ImageData", ["ImageData", "Numerics"]),
        tests("LeNet", ["LeNet", "CBackboneKernels", "OneDNN", "Numerics"]),
        tests("HeadTraining", ["HeadTraining", "Heads", "Numerics"]),
        tests("FeatureStore", ["FeatureStore", "Hashing", "Heads", "Numerics"]),
        tests(
            "StudyWork",
            ["LeNet", "ImageData", "FeatureStore", "HeadTraining", "Study", "StudyWork"]),
        tests("Journal", ["Formats", "Heads", "Journal", "Numerics"]),
        tests("RunFolder", ["Formats", "Heads", "Journal", "Numerics", "RunFolder"]),
        tests("Reporting", ["Reporting", "Heads", "Study", "Numerics"]),
        tests(
            "CoordinatorRuntime",
            [
                "CoordinatorRuntime", "FeatureStore", "Formats", "Heads", "HeadTraining",
                "Reporting", "Scheduling", "Numerics", "WireProtocol", "WorkerRuntime", "ZeroMQ",
            ]),
        tests(
            "WorkerRuntime",
            ["FeatureStore", "Heads", "Numerics", "WireProtocol", "WorkerRuntime"]),
        tests(
            "EndToEnd",
            [
                "Formats", "Hashing", "Heads", "HeadTraining", "Journal", "Numerics", "RunFolder",
                "System", "WireProtocol", "ZeroMQ", "bench", "coordinator", "worker",
            ]),
        tests("Tidy", []),
    ],
    cLanguageStandard: .c17
)
