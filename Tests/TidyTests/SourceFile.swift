import Foundation
import TestSupport
import Testing

/// A Swift file of the package, as far as the tidiness tests look into it.
struct SourceFile: Sendable, CustomTestStringConvertible {
    /// From the package's root: `Sources/Heads/ClassSet.swift`.
    let path: String
    /// The lines as written.
    let lines: [Substring]
    /// The same lines with comments blanked and string literals filled with quotes.
    let code: [Substring]

    var testDescription: String { path }

    /// The folder under Sources or Tests, which is the target's name.
    var module: String {
        path.split(separator: "/").dropFirst().first.map(String.init) ?? ""
    }

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        code = Self.blankingTextAndComments(in: text)
            .split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// The hand-written Swift files under a folder of the package, in order of path.
    static func all(under folder: String) -> [SourceFile] {
        paths(under: folder)
            .filter { $0.hasSuffix(".swift") && !$0.hasSuffix(".pb.swift") }
            .filter { !$0.contains("/Generated/") }
            .compactMap { path in
                let file = packageRoot.appending(path: path)
                guard let text = try? String(contentsOf: file, encoding: .utf8) else { return nil }
                return SourceFile(path: path, text: text)
            }
    }

    /// The files under a folder of the package, from the package's root, in order.
    static func paths(under folder: String) -> [String] {
        let root = packageRoot.appending(path: folder).path
        guard let files = FileManager.default.enumerator(atPath: root) else { return [] }
        return files.compactMap { $0 as? String }
            .filter { name in
                var isDirectory: ObjCBool = false
                let exists = unsafe FileManager.default.fileExists(
                    atPath: root + "/" + name, isDirectory: &isDirectory)
                return exists && !isDirectory.boolValue
            }
            .map { folder + "/" + $0 }
            .sorted()
    }

    // MARK: A lexer for strings and comments, and nothing else

    private enum Place {
        case code
        case lineComment
        case blockComment(depth: Int)
        case text(quotes: Int, pounds: Int)
    }

    /// Replaces comments by spaces and string literals by quotes; line ends stay.
    ///
    /// An interpolation counts as text, up to the closing quote that follows its parentheses.
    static func blankingTextAndComments(in text: String) -> String {
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var place = Place.code
        var index = 0
        // Depth of parentheses in an interpolation of the current text.
        var interpolation = 0
        let quote = UInt8(ascii: "\"")

        func has(_ word: String, at start: Int) -> Bool {
            bytes[start...].starts(with: word.utf8)
        }
        func blank(_ count: Int, with filler: UInt8 = UInt8(ascii: " ")) {
            for byte in bytes[index..<min(index + count, bytes.count)] {
                result.append(byte == UInt8(ascii: "\n") ? byte : filler)
            }
            index += count
        }

        while index < bytes.count {
            switch place {
            case .code:
                if has("//", at: index) {
                    place = .lineComment
                } else if has("/*", at: index) {
                    place = .blockComment(depth: 0)
                } else if let opened = openedText(bytes, at: index) {
                    place = .text(quotes: opened.quotes, pounds: opened.pounds)
                    interpolation = 0
                    blank(opened.quotes + opened.pounds, with: quote)
                } else {
                    result.append(bytes[index])
                    index += 1
                }
            case .lineComment:
                if bytes[index] == UInt8(ascii: "\n") { place = .code }
                blank(1)
            case .blockComment(let depth):
                if has("/*", at: index) {
                    place = .blockComment(depth: depth + 1)
                    blank(2)
                } else if has("*/", at: index) {
                    place = depth == 1 ? .code : .blockComment(depth: depth - 1)
                    blank(2)
                } else {
                    blank(1)
                }
            case .text(let quotes, let pounds):
                let marks = String(repeating: "#", count: pounds)
                if interpolation > 0 {
                    if bytes[index] == UInt8(ascii: "(") { interpolation += 1 }
                    if bytes[index] == UInt8(ascii: ")") { interpolation -= 1 }
                    blank(1, with: quote)
                } else if has("\\" + marks + "(", at: index) {
                    interpolation = 1
                    blank(2 + pounds, with: quote)
                } else if has("\\" + marks, at: index) {
                    blank(2 + pounds, with: quote)
                } else if has(String(repeating: "\"", count: quotes) + marks, at: index) {
                    place = .code
                    blank(quotes + pounds, with: quote)
                } else {
                    blank(1, with: quote)
                }
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The quotes and number signs that open a string literal at that byte.
    private static func openedText(
        _ bytes: [UInt8], at start: Int
    ) -> (quotes: Int, pounds: Int)? {
        let pounds = bytes[start...].prefix { $0 == UInt8(ascii: "#") }.count
        let quotes = bytes[(start + pounds)...].prefix { $0 == UInt8(ascii: "\"") }.count
        return quotes == 0 ? nil : (quotes >= 3 ? 3 : 1, pounds)
    }
}
