/// An element of a page, with the text directly and indirectly in it.
struct PageElement: Sendable {
    let name: String
    let attributes: [String: String]
    var children: [PageElement] = []
    /// Of the element and all below it, entities decoded.
    var text = ""

    var classes: [String] {
        (attributes["class"] ?? "").split(separator: " ").map(String.init)
    }

    /// The element and all below it, in order.
    var all: [PageElement] { [self] + children.flatMap(\.all) }

    func all(_ name: String) -> [PageElement] { all.filter { $0.name == name } }

    func first(id: String) -> PageElement? { all.first { $0.attributes["id"] == id } }
}

/// Reads a page as strictly as XML.
///
/// Every element is closed, every attribute has quotes, every entity is known; anything else is an
/// error.
struct PageReader {
    struct Flaw: Error, CustomStringConvertible {
        let description: String
    }

    private let bytes: [UInt8]
    private var place = 0

    static func root(of page: String) throws -> PageElement {
        var reader = PageReader(page)
        return try reader.document()
    }

    private init(_ page: String) { bytes = Array(page.utf8) }

    private mutating func document() throws -> PageElement {
        var root = PageElement(name: "", attributes: [:])
        _ = skip("<!DOCTYPE html>")
        try content(of: &root)
        guard place == bytes.count else { throw flaw("something is closed twice") }
        return root
    }

    private mutating func content(of parent: inout PageElement) throws {
        var own: [UInt8] = []
        defer { parent.text += String(decoding: own, as: UTF8.self) }
        while place < bytes.count {
            if starts(with: "</") { return }
            if bytes[place] == UInt8(ascii: "<") {
                parent.text += String(decoding: own, as: UTF8.self)
                own = []
                let child = try element()
                parent.children.append(child)
                parent.text += child.text
            } else if parent.name == "style" {
                // Rules are not text; they have signs that text may not have.
                place += 1
            } else {
                own.append(try byte())
            }
        }
    }

    private mutating func element() throws -> PageElement {
        place += 1
        let name = word()
        guard !name.isEmpty else { throw flaw("an element without a name") }
        var attributes: [String: String] = [:]
        while true {
            while place < bytes.count, [10, 32].contains(bytes[place]) { place += 1 }
            if skip("/>") { return PageElement(name: name, attributes: attributes) }
            if skip(">") { break }
            let key = word()
            guard !key.isEmpty, skip("=\"") else { throw flaw("a broken attribute") }
            guard attributes[key] == nil else { throw flaw("\(key) twice") }
            var value: [UInt8] = []
            while place < bytes.count, bytes[place] != UInt8(ascii: "\"") {
                guard bytes[place] != UInt8(ascii: "<") else { throw flaw("< in \(key)") }
                value.append(try byte())
            }
            place += 1
            attributes[key] = String(decoding: value, as: UTF8.self)
        }
        var element = PageElement(name: name, attributes: attributes)
        try content(of: &element)
        guard skip("</\(name)>") else { throw flaw("\(name) is not closed") }
        return element
    }

    private static let entities: [(text: String, meaning: UInt8)] = [
        ("&amp;", 38), ("&lt;", 60), ("&gt;", 62), ("&quot;", 34),
    ]

    private mutating func byte() throws -> UInt8 {
        let byte = bytes[place]
        if byte == UInt8(ascii: "&") {
            for entity in Self.entities where skip(entity.text) { return entity.meaning }
            throw flaw("an unknown entity")
        }
        guard byte != UInt8(ascii: ">") else { throw flaw("a bare >") }
        place += 1
        return byte
    }

    private mutating func word() -> String {
        let start = place
        while place < bytes.count {
            switch bytes[place] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                place += 1
            default: return String(decoding: bytes[start..<place], as: UTF8.self)
            }
        }
        return ""
    }

    /// Whether the text is here; then it is passed.
    private mutating func skip(_ text: String) -> Bool {
        guard starts(with: text) else { return false }
        place += text.utf8.count
        return true
    }

    private func starts(with text: String) -> Bool { bytes[place...].starts(with: text.utf8) }

    private func flaw(_ what: String) -> Flaw {
        let near = bytes[max(0, place - 60)..<min(bytes.count, place + 60)]
        return Flaw(description: "\(what) near \(String(decoding: near, as: UTF8.self))")
    }
}
