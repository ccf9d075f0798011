import FeatureStore
import Foundation
package import HeadTraining
package import Heads
import Numerics
package import Probe

/// Why a piece of a probe cannot be read or computed.
package struct ProbeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence.
    package let description: String

    /// An error that says this.
    package init(_ description: String) { self.description = description }
}

/// What a worker is told: a unit, the penalty of each of its heads, and where they begin.
package struct ProbeTask: Sendable, Equatable {
    /// What to train.
    package let unit: ProbeUnit
    /// C of each head, in the unit's order.
    package let cValues: [Double]
    /// By place on the path, the nearest last: C of each head, and the heads there.
    package let origins: [ProbeHeads]

    private struct Text: Codable {
        let unit: ProbeUnit
        let cValues: [Double]
        let origins: [[Double]]
    }

    /// A task of these parts.
    package init(unit: ProbeUnit, cValues: [Double], origins: [ProbeHeads]) {
        self.unit = unit
        self.cValues = cValues
        self.origins = origins
    }

    /// The bytes of the task.
    package func encoded() throws -> [UInt8] {
        try PackedText.encode(
            Text(unit: unit, cValues: cValues, origins: origins.map(\.cValues)),
            floats: origins.flatMap(\.heads))
    }

    /// Reads the bytes, all of them untrusted.
    ///
    /// - Throws: ``ProbeError`` for what ``encoded()`` never writes.
    package init(
        decoding bytes: [UInt8], featureCount: Int, keys: (ProbeUnit) -> [HeadKey]?
    ) throws {
        let (text, rest) = try PackedText.decode(Text.self, bytes)
        guard let keys = keys(text.unit), text.cValues.count == keys.count,
            (text.cValues + text.origins.joined()).allSatisfy({ $0 > 0 && $0.isFinite }),
            text.origins.count <= 2, text.origins.allSatisfy({ $0.count == keys.count })
        else { throw ProbeError("a task of a probe that is not this one") }
        var reader = HeadReader(rest)
        unit = text.unit
        cValues = text.cValues
        origins = try text.origins.map { values in
            ProbeHeads(
                cValues: values, heads: try keys.map { try reader.next($0, featureCount) })
        }
        try reader.end()
    }
}

/// Heads at their places on their paths.
package struct ProbeHeads: Sendable, Equatable {
    /// C of each head.
    package let cValues: [Double]
    /// The heads.
    package let heads: [Head]

    /// As many heads as values of C.
    package init(cValues: [Double], heads: [Head]) {
        precondition(cValues.count == heads.count)
        self.cValues = cValues
        self.heads = heads
    }

    /// Equal to the bit.
    package static func == (left: ProbeHeads, right: ProbeHeads) -> Bool {
        left.cValues == right.cValues && left.heads.count == right.heads.count
            && zip(left.heads, right.heads).allSatisfy { $0.hasEqualBits($1) }
    }
}

/// What came of a task: heads, and how well each is known to be at its optimum.
package struct ProbeRecord: Sendable {
    /// What was to be done.
    package let unit: ProbeUnit
    /// The heads and their penalties.
    package let result: ProbeHeads
    /// A head's certificate each.
    package let certificates: [GapCertificate]

    private struct Text: Codable {
        let unit: ProbeUnit
        let cValues: [Double]
        let certificates: [GapCertificate]
    }

    /// What was trained for a unit.
    package init(unit: ProbeUnit, cValues: [Double], heads: [PathHead]) {
        self.unit = unit
        result = ProbeHeads(cValues: cValues, heads: heads.map(\.head))
        certificates = heads.map(\.certificate)
    }

    /// The bytes, for the wire and for the disk.
    package func encoded() throws -> [UInt8] {
        try PackedText.encode(
            Text(unit: unit, cValues: result.cValues, certificates: certificates),
            floats: result.heads)
    }

    /// Reads the bytes, all of them untrusted.
    ///
    /// - Throws: ``ProbeError`` for what ``encoded()`` never writes.
    package init(
        decoding bytes: [UInt8], featureCount: Int, keys: (ProbeUnit) -> [HeadKey]?
    ) throws {
        let (text, rest) = try PackedText.decode(Text.self, bytes)
        guard let keys = keys(text.unit), text.cValues.count == keys.count,
            text.certificates.count == keys.count,
            text.certificates.allSatisfy({ $0.objective.isFinite && $0.lowerBound.isFinite })
        else { throw ProbeError("an outcome of a probe that is not this one") }
        var reader = HeadReader(rest)
        let heads = try keys.map { try reader.next($0, featureCount) }
        try reader.end()
        unit = text.unit
        result = ProbeHeads(cValues: text.cValues, heads: heads)
        certificates = text.certificates
    }
}

/// A text with the numbers of heads behind it, float32 little-endian.
///
/// Of a head of two outputs the second is there alone: the first is its negative.
extension PackedText {
    fileprivate static func encode(_ text: some Encodable, floats heads: [Head]) throws -> [UInt8] {
        let data: Data
        do { data = try encoder.encode(text) } catch {
            throw ProbeError("a head's certificate is not a finite number")
        }
        var bytes = packed(data)
        for head in heads {
            let skipped = head.outputCount == 2 ? 1 : 0
            for floats in [
                head.weightSlice.dropFirst(skipped * head.featureCount),
                head.biasSlice.dropFirst(skipped),
            ] {
                unsafe floats.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
            }
        }
        return bytes
    }

    fileprivate static func decode<Text: Decodable>(
        _ type: Text.Type, _ bytes: [UInt8]
    ) throws -> (Text, ArraySlice<UInt8>) {
        let whole: (text: Data, rest: ArraySlice<UInt8>)
        do throws(Flaw) { whole = try split(bytes) } catch {
            throw ProbeError("a record \(error.rawValue)")
        }
        do { return (try JSONDecoder().decode(Text.self, from: whole.text), whole.rest) } catch {
            throw ProbeError("a record of a probe cannot be read")
        }
    }
}

/// Heads one after the other out of bytes.
private struct HeadReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func next(_ key: HeadKey, _ featureCount: Int) throws -> Head {
        let outputCount = key.outputCount
        let stored = outputCount == 2 ? 1 : outputCount
        var weights = try floats(stored * featureCount)
        var biases = try floats(stored)
        if outputCount == 2 {
            // Zeros have one sign in both.
            weights = weights.map { $0 == 0 ? $0 : -$0 } + weights
            biases = biases.map { $0 == 0 ? $0 : -$0 } + biases
        }
        guard weights.allSatisfy(\.isFinite), biases.allSatisfy(\.isFinite) else {
            throw ProbeError("a head of a probe is not finite")
        }
        return Head(
            key: key,
            weights: Matrix(rowCount: outputCount, columnCount: featureCount, values: weights),
            biases: biases)
    }

    func end() throws {
        guard rest.isEmpty else { throw ProbeError("a record of a probe has bytes to spare") }
    }

    private mutating func floats(_ count: Int) throws -> [Float] {
        guard rest.count >= count * 4, let floats = FloatBytes.floats(rest.prefix(count * 4)) else {
            throw ProbeError("a head of a probe is cut off")
        }
        rest = rest.dropFirst(count * 4)
        return floats
    }
}
