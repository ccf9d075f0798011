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
        module("Tensors", []),
        module("Statistics", []),
        module("HeadPlan", ["Tensors"]),
        module("Decoding", ["HeadPlan", "Statistics", "Tensors"]),
        module("Study", ["Decoding", "HeadPlan", "Statistics", "Tensors"]),
        module("Scheduling", ["HeadPlan", "Tensors"]),
        module("Simulation", ["HeadPlan", "Scheduling", "Tensors"]),
        .target(
            name: "WireProtocol", dependencies: ["HeadPlan", "Tensors", protobuf],
            exclude: ["Schema"], swiftSettings: strict),

        // Edges.
        module("Hashing", ["CSodium"]),
        module("ZeroMQ", ["CZeroMQ"]),
        module("OneDNN", ["COneDNN"]),
        module("Threading", []),
        module("Datasets", ["CZlib", "Hashing", "Tensors"]),
        module("Backbone", ["CBackboneKernels", "HeadPlan", "OneDNN", "Tensors"]),
        module("HeadTraining", ["CHeadKernels", "HeadPlan", "Statistics", "Tensors"]),
        module("FeatureStore", ["Hashing", "HeadPlan", "Tensors"]),
        module("RunStore", ["Hashing", "HeadPlan", "Tensors", grdb]),
        module("Reporting", ["HeadPlan", "Study", "Tensors"]),

        module(
            "Trials",
            [
                "Backbone", "Datasets", "Decoding", "FeatureStore", "Hashing", "HeadPlan",
                "HeadTraining", "Study", "Tensors",
            ]),

        // Drivers and programs.
        module(
            "CoordinatorRuntime",
            [
                "Backbone", "Datasets", "Decoding", "FeatureStore", "Hashing", "HeadPlan",
                "HeadTraining", "Reporting", "RunStore", "Scheduling", "Simulation", "Study",
                "Tensors", "Threading", "Trials", "WireProtocol", "ZeroMQ",
            ]),
        module(
            "WorkerRuntime",
            [
                "FeatureStore", "HeadPlan", "HeadTraining", "Tensors", "Threading",
                "WireProtocol", "ZeroMQ", logging,
            ]),
        .executableTarget(
            name: "coordinator",
            dependencies: [
                "Backbone", "CoordinatorRuntime", "Datasets", "HeadPlan", "Study", argumentParser,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "worker",
            dependencies: [
                "FeatureStore", "HeadTraining", "Trials", "WorkerRuntime", argumentParser, logging,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "bench",
            dependencies: [
                "Backbone", "CoordinatorRuntime", "FeatureStore", "HeadPlan", "HeadTraining",
                "Tensors", argumentParser,
            ],
            swiftSettings: strict),

        // Tests, mirrored by module.
        .target(
            name: "TestSupport", dependencies: [], path: "Tests/TestSupport", swiftSettings: strict),
        tests("Tensors", ["Tensors"]),
        tests("Statistics", ["Statistics"]),
        tests("HeadPlan", ["HeadPlan", "Tensors"]),
        tests("Decoding", ["Decoding", "HeadPlan", "Tensors"]),
        tests("Study", ["Decoding", "HeadPlan", "Statistics", "Study", "Tensors"]),
        tests("Scheduling", ["Scheduling", "HeadPlan", "Tensors"]),
        tests("Simulation", ["HeadPlan", "Scheduling", "Simulation", "Tensors"]),
        tests("WireProtocol", ["WireProtocol", "HeadPlan", "Tensors"]),
        tests("Hashing", ["Hashing"]),
        tests("ZeroMQ", ["ZeroMQ"]),
        tests("Threading", ["Threading"]),
        tests("Datasets", ["Datasets", "Tensors"]),
        tests("Backbone", ["Backbone", "CBackboneKernels", "OneDNN", "Tensors"]),
        tests("HeadTraining", ["HeadTraining", "HeadPlan", "Tensors"]),
        tests("FeatureStore", ["FeatureStore", "Hashing", "HeadPlan", "Tensors"]),
        tests(
            "Trials", ["Backbone", "Datasets", "FeatureStore", "HeadTraining", "Study", "Trials"]),
        tests("RunStore", ["RunStore", "HeadPlan", "Tensors"]),
        tests("Reporting", ["Reporting", "HeadPlan", "Study", "Tensors"]),
        tests(
            "CoordinatorRuntime",
            [
                "CoordinatorRuntime", "FeatureStore", "HeadPlan", "HeadTraining", "Reporting",
                "RunStore", "Scheduling", "Tensors", "WireProtocol", "WorkerRuntime", "ZeroMQ",
            ]),
        tests(
            "WorkerRuntime",
            ["FeatureStore", "HeadPlan", "Tensors", "WireProtocol", "WorkerRuntime"]),
        tests(
            "EndToEnd",
            [
                "Hashing", "HeadPlan", "HeadTraining", "RunStore", "Tensors", "Threading",
                "WireProtocol", "ZeroMQ", "bench", "coordinator", "worker",
            ]),
        tests("Tidy", []),
    ],
    cLanguageStandard: .c17
)
