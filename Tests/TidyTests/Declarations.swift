/// What the tidiness tests read from a file's declarations and comments.
extension SourceFile {
    /// A line of a file with what is wrong there, as compilers write it.
    func finding(_ index: Int, _ what: String) -> String {
        "\(path):\(index + 1): \(what)"
    }

    /// The modules that the file imports, with the index of the line.
    var imports: [(module: String, line: Int)] {
        code.enumerated().compactMap { index, line in
            // Regular expressions are slow, and most lines are no import.
            guard line.contains("import") else { return nil }
            // An import of one declaration (`import struct A.B`) names its module first too.
            guard
                let match = line.firstMatch(
                    of:
                        /^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:package\s+|internal\s+|private\s+|fileprivate\s+|public\s+)?import\s+(?:(?:struct|class|enum|protocol|typealias|func|let|var)\s+)?(\w+)/
                )
            else { return nil }
            return (String(match.1), index)
        }
    }

    /// Declarations with `package` access that have no `///` comment directly above.
    ///
    /// Attributes may stand between. What a standard protocol asks for needs no comment: operators,
    /// `description`, `hash(into:)`.
    var undocumentedPackageDeclarations: [String] {
        code.enumerated().compactMap { index, line in
            guard line.contains("package ") else { return nil }
            let words = line.split(whereSeparator: \.isWhitespace)
                .drop {
                    $0.hasPrefix("@") || $0.hasSuffix("(set)") || modifiers.contains(String($0))
                }
            guard words.first == "package", words.dropFirst().first != "import",
                !line.contains(/package (?:static func \W|func hash\(into|var description\b)/)
            else { return nil }
            return isDocumented(index) ? nil : finding(index, "no /// comment: \(lines[index])")
        }
    }

    /// Whether a line holds a comment and nothing else.
    private func isComment(_ index: Int) -> Bool {
        code[index].allSatisfy(\.isWhitespace) && !lines[index].allSatisfy(\.isWhitespace)
    }

    private func isDocumented(_ declaration: Int) -> Bool {
        var index = declaration - 1
        var openParentheses = 0
        while index >= 0 {
            let line = code[index]
            let written = lines[index].drop(while: \.isWhitespace)
            if isComment(index), written.hasPrefix("///") { return true }
            // An attribute may take several lines: up from its last parenthesis to its name.
            openParentheses += line.count { $0 == ")" } - line.count { $0 == "(" }
            guard openParentheses > 0 || written.hasPrefix("@") else { return false }
            index -= 1
        }
        return false
    }

    /// Functions, initialisers and their like that are longer than allowed.
    func functions(longerThan limit: Int) -> [String] {
        code.indices.compactMap { index in
            guard let count = lineCountOfFunction(at: index), count > limit else { return nil }
            return finding(index, "\(count) lines: \(lines[index])")
        }
    }

    /// The number of lines of the function that is declared on a line, if one is and has a body.
    private func lineCountOfFunction(at declaration: Int) -> Int? {
        let words = ["func ", "init", "subscript"]
        guard words.contains(where: code[declaration].contains) else { return nil }
        let pattern =
            /^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:[a-z]+(?:\([a-z]+\))?\s+)*(?:func\s|init[?(<]|deinit\b|subscript[(<])/
        guard code[declaration].firstMatch(of: pattern) != nil,
            !code[declaration].contains(/\b(?:self|super)\.init/)
        else { return nil }
        var parentheses = 0
        var braces = 0
        for (index, line) in code[declaration...].enumerated() {
            for character in line {
                switch character {
                case "(", "[": parentheses += 1
                case ")", "]": parentheses -= 1
                case "{": braces += 1
                case "}":
                    braces -= 1
                    // The end of the body, or of the protocol that requires a function without.
                    if braces == 0 { return index + 1 }
                    if braces < 0 { return nil }
                default: break
                }
            }
            // Without an open bracket or brace a requirement ends where the next line begins a new
            // declaration; a signature that goes on begins its lines with one of these.
            let next = code.dropFirst(declaration + index + 1).first ?? ""
            let continues = next.contains(/^\s*(?:\)|->|where\b|async\b|throws\b|rethrows\b|\{)/)
            if braces == 0, parentheses == 0, !continues { return nil }
        }
        return nil
    }

    /// Marks of unfinished work, and comments that look like code.
    var leftovers: [String] {
        // In two pieces, so that this file does not find itself.
        let marks = ["FIX" + "ME", "TO" + "DO", "XX" + "X", "HA" + "CK"]
        return lines.enumerated().compactMap { index, line in
            for mark in marks
            where line.contains(mark)
                && line.split(whereSeparator: { !$0.isLetter }).contains(Substring(mark))
            {
                return finding(index, mark)
            }
            let written = line.drop(while: \.isWhitespace)
            guard isComment(index), written.hasPrefix("//"), !written.hasPrefix("///") else {
                return nil
            }
            let comment = written.dropFirst(2).drop(while: \.isWhitespace)
            return Self.looksLikeCode(comment)
                ? finding(index, "commented-out code? \(comment)") : nil
        }
    }

    /// Whether a comment's text reads as a statement rather than as a sentence.
    static func looksLikeCode(_ comment: Substring) -> Bool {
        comment == "}" || comment.hasSuffix(" {") || comment.hasSuffix(";")
            || comment.contains(/^(?:let|var)\s+\w+\s*(?:=|:\s*[A-Z\[])/)
            || comment.contains(/^(?:package |private |static )*func\s+\w+\s*[(<]/)
            || comment.contains(/^(?:import|return)\s+\w+$/)
            || comment.contains(/^(?:try |await |self\.)*[a-z]\w*(?:\.\w+)*\(.*\)$/)
    }
}

/// What may stand before `package`.
private let modifiers: Set<String> = [
    "final", "static", "nonisolated", "mutating", "consuming", "borrowing", "indirect", "isolated",
    "override", "required", "convenience", "lazy", "weak", "unowned", "prefix", "postfix", "infix",
]
