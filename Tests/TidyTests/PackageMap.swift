import Foundation
import TestSupport

/// The modules of the package and what each declares to depend on, as Package.swift says.
struct PackageMap: Sendable {
    /// By module of Sources, what it declares: modules of ours, C modules, products of packages.
    let declared: [String: Set<String>]

    /// Names in Package.swift for products of other packages.
    private static let products = [
        "argumentParser": "ArgumentParser", "logging": "Logging", "grdb": "GRDB",
        "protobuf": "SwiftProtobuf", "sqlite": "GRDBSQLite", "http": "FlyingFox",
    ]

    init() throws {
        let path = packageRoot.appending(path: "Package.swift")
        self.init(text: try String(contentsOf: path, encoding: .utf8))
    }

    init(text: String) {
        var declared: [String: Set<String>] = [:]
        let module = /module\(\s*"(\w+)",\s*\[([^\]]*)\]/
        let target = /\.(?:executableTarget|target)\(\s*name: "(\w+)",\s*dependencies: \[([^\]]*)\]/
        for match in text.matches(of: module) {
            declared[String(match.1)] = Self.names(in: match.2)
        }
        for match in text.matches(of: target) {
            declared[String(match.1)] = Self.names(in: match.2)
        }
        declared["TestSupport"] = nil
        self.declared = declared
    }

    private static func names(in list: Substring) -> Set<String> {
        Set(
            list.split(separator: ",").map {
                let word = $0.trimmingCharacters(in: .whitespacesAndNewlines)
                return products[word] ?? word.trimmingCharacters(in: ["\""])
            }.filter { !$0.isEmpty })
    }
}
