import InferenceProtocol
import Numerics
import Testing

/// Bodies to rows.
@Suite struct RequestTests {
    @Test(arguments: ["[1,2,3,4,5,6]", "[[1,2,3],[4,5,6]]", " [ [1e0, 20e-1,3.0 ],\n[4,5,6.00]] "])
    func dataIsFlatOrNested(data: String) throws {
        let rows = try Samples.rows(Samples.features([2, 3], data))
        guard case .features(let matrix) = rows else {
            Issue.record("no features")
            return
        }
        #expect(matrix == Matrix(rowCount: 2, columnCount: 3, values: [1, 2, 3, 4, 5, 6]))
    }

    @Test func keysComeInAnyOrderAndOthersArePassedOver() throws {
        let body = #"""
            {"more":[{"a":[1,{"b":null}]}],"id":"\u00e9\ud83d\ude00","outputs":null,
             "inputs":[{"data":[0.5,-1,2e2],"datatype":"FP64","x":"\\\"","shape":[1,3],"name":"features"}],
             "parameters":{"scheme":"dag","priority":3}}
            """#
        let request = try InferenceRequest(body: Array(body.utf8))
        #expect(request.identifier == "é😀")
        #expect(request.scheme == "dag")
        #expect(try Samples.values(Array(body.utf8)) == [0.5, -1, 200])
    }

    @Test func noRowsAreNoError() throws {
        #expect(try Samples.rows(Samples.features([0, 3], "[]")).count == 0)
        #expect(try Samples.rows(Samples.features([0, 3], "null")).count == 0)
        #expect(
            try Samples.rows(
                Samples.body(#""name":"features","shape":[0,3],"datatype":"FP32""#)
            ).count == 0)
        let (body, length) = Samples.binary([0, 3], "FP32", [])
        // The length header is then equal to the body's length.
        #expect(length == "\(body.count)")
        #expect(try Samples.rows(body, length).count == 0)
    }

    @Test(
        arguments: [
            ("FP32", [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0, 0, 0, 0x20, 0x41]),
            (
                "FP64",
                [
                    0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 0, 0, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x24,
                    0x40,
                ]
            ),
            ("FP16", [0, 0x3C, 0, 0xC0, 0, 0x49]), ("BF16", [0x80, 0x3F, 0, 0xC0, 0x20, 0x41]),
            ("INT8", [1, 0xFE, 10]), ("INT16", [1, 0, 0xFE, 0xFF, 10, 0]),
            ("INT32", [1, 0, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF, 10, 0, 0, 0]),
            (
                "INT64",
                [1, 0, 0, 0, 0, 0, 0, 0] + [0xFE] + [UInt8](repeating: 0xFF, count: 7)
                    + [10, 0, 0, 0, 0, 0, 0, 0]
            ),
        ] as [(String, [UInt8])])
    func binaryTensorsOfEveryType(datatype: String, bytes: [UInt8]) throws {
        let (body, length) = Samples.binary([1, 3], datatype, bytes)
        #expect(try Samples.values(body, length) == [1, -2, 10])
    }

    @Test(
        arguments: [
            ("UINT8", [1, 2, 200], [1, 2, 200]), ("BOOL", [1, 0, 1], [1, 0, 1]),
            ("UINT16", [1, 0, 0, 1, 0xFF, 0xFF], [1, 256, 65_535]),
            ("UINT32", [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x80], [1, 256, 0x1p31]),
        ] as [(String, [UInt8], [Float])])
    func unsignedTensors(datatype: String, bytes: [UInt8], values: [Float]) throws {
        let (body, length) = Samples.binary([1, 3], datatype, bytes)
        #expect(try Samples.values(body, length) == values)
    }

    /// Every half-precision number, against the processor's own.
    @Test func halfPrecisionIsExact() throws {
        let model = try Samples.description("half", .features(1))
        let all = (0...UInt16.max).filter { $0 >> 10 & 31 != 31 }
        let (body, length) = Samples.binary(
            [all.count, 1], "FP16", all.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] })
        let values = try #require(try Samples.values(body, length, of: model))
        for (bits, value) in zip(all, values) {
            let exponent = Int(bits >> 10 & 31)
            let fraction = Double(bits & 0x3FF) / 1_024 + (exponent == 0 ? 0 : 1)
            var expected = fraction
            for _ in 0..<abs(max(exponent, 1) - 15) { expected *= exponent > 15 ? 2 : 0.5 }
            #expect(value == Float(bits >> 15 == 1 ? -expected : expected))
        }
    }

    @Test func imagesBecomePlanes() throws {
        let pixels = (0..<2 * 8 * 9 * 3).map { UInt8($0 % 251) }
        let (body, length) = Samples.binary([2, 8, 9, 3], "UINT8", pixels, name: "images")
        guard
            case .images(let count, let planes) = try Samples.rows(
                body, length, of: try Samples.colour)
        else {
            Issue.record("no images")
            return
        }
        #expect(count == 2)
        for (image, channel, pixel) in [(0, 0, 0), (0, 2, 5), (1, 1, 71), (1, 2, 0)] {
            #expect(
                planes[(image * 3 + channel) * 72 + pixel]
                    == pixels[image * 216 + pixel * 3 + channel])
        }
    }

    @Test func imagesMayBeNumbersFrom0To255() throws {
        let data = "[" + (0..<64).map { "\($0 * 4).0" }.joined(separator: ",") + "]"
        for shape in [[1, 8, 8], [1, 8, 8, 1]] {
            let body = Samples.body(
                #""name":"images","shape":\#(shape),"datatype":"FP32","data":\#(data)"#)
            guard case .images(1, let pixels) = try Samples.rows(body, of: try Samples.grey) else {
                Issue.record("no images")
                return
            }
            #expect(pixels == (0..<64).map { UInt8($0 * 4) })
        }
        let scaled = Samples.body(
            #""name":"images","shape":[1,8,8],"datatype":"FP32","data":\#(data.replacing("4.0", with: "0.5"))"#
        )
        #expect(throws: InferenceError.self) { try Samples.rows(scaled, of: try Samples.grey) }
    }

    @Test(arguments: ["null", "NaN", "Infinity", "-Infinity", "1e39", "-1e999"])
    func whatIsNotFiniteIsRefusedWithItsPlace(text: String) throws {
        let error = #expect(throws: InferenceError.self) {
            try Samples.rows(Samples.features([2, 3], "[[1,2,3],[4,\(text),6]]"))
        }
        #expect(error?.status == 400)
        #expect(error?.message.contains("row 1, column 1") == true, "\(error?.message ?? "")")
    }

    @Test(arguments: [
        ("", "the JSON ends"), ("{", "the JSON ends"), ("[]", "object"), ("{} x", "the end"),
        (#"{"inputs":[]}"#, "gives none"), (#"{"inputs":[{}]}"#, "no datatype"),
        (#"{"inputs":[{"datatype":"FP31"}]}"#, "there is no datatype FP31"),
        (#"{"id":"\ud800"}"#, "surrogates"), (#"{"id":"\x"}"#, "escape"), ("{\"id\":\"a", "string"),
        ("{\"id\":\"\u{1}\"}", "control"),
        (#"{"inputs":[{"name":"features","datatype":"FP32","shape":[-1,3]}]}"#, "cannot have"),
        (
            #"{"inputs":[{"name":"f","datatype":"FP32","shape":[99999999999,99999999999]}]}"#,
            "cannot"
        ),
        (#"{"x":01}"#, "number"), (#"{"x":.5}"#, "number"), (#"{"x":1.}"#, "digit"),
        (#"{"x":1e}"#, "digit"), (#"{"x":+1}"#, "number"), (#"{"x":tru}"#, "true or false"),
        (#"{7:1}"#, "a key of the request expected at byte 1"), (#"{"id":nul}"#, "a string (id)"),
    ])
    func malformedBodiesAreRefused(body: String, words: String) throws {
        let error = #expect(throws: InferenceError.self) { try Samples.rows(Array(body.utf8)) }
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test(arguments: [
        (#"{"inputs":[{"shape":"1,3"}]}"#, "shape must be an array, not a string (byte 20)"),
        (#"{"inputs":[{"shape":3}]}"#, "shape must be an array, not a number (byte 20)"),
        (#"{"inputs":[{"shape":null}]}"#, "shape must be an array, not null (byte 20)"),
        (
            #"{"inputs":[{"shape":["3"]}]}"#,
            "a dimension must be a whole number, not a string (byte 21)"
        ),
        (
            #"{"inputs":[{"shape":[true]}]}"#,
            "a dimension must be a whole number, not true (byte 21)"
        ),
        (
            #"{"inputs":[{"shape":[1.5]}]}"#,
            "a dimension must be a whole number below 2^53, not 1.5 (byte 21)"
        ),
        (#"{"inputs":[{"data":[{}]}]}"#, "a value must be a number, not an object (byte 20)"),
        (#"{"inputs":{}}"#, "inputs must be an array, not an object (byte 10)"),
        (#"{"inputs":[7]}"#, "an input must be an object, not a number (byte 11)"),
        (#"{"id":7}"#, "id must be a string, not a number (byte 6)"),
        ("[]", "not an array (byte 0)"),
        (
            #"{"parameters":{"binary_data_output":1}}"#,
            "binary_data_output must be true or false, not a number (byte 36)"
        ),
        (
            #"{"inputs":[{"name":"features","datatype":"FP32","data":[1,2,3]}]}"#,
            "the input features has no shape; give one, as in [1, 3]"
        ),
    ])
    func valuesOfAnotherKindAreRefusedByName(body: String, words: String) {
        let error = #expect(throws: InferenceError.self) { try Samples.rows(Array(body.utf8)) }
        #expect(error?.message.hasSuffix(words) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("not JSON") == false)
    }

    @Test(arguments: [
        ([2, 3], "[1,2,3,4,5]", "5 values"), ([2, 3], "[[1,2,3],[4,5]]", "ragged"),
        ([2, 1], "[1,[2]]", "ragged"), ([2, 1], "[[1],2]", "ragged"), ([1, 2], "[[1,2]]", "shape"),
        ([3, 2], "[[1,2,3],[4,5,6]]", "lists of"), ([3], "[1,2,3]", "takes [rows, 3]"),
        ([1, 3], #"["a","b","c"]"#, "strings"), ([1, 3], "[[[[[[[[[1]]]]]]]]]", "too deep"),
        ([1, 3], "1", "array"),
    ])
    func dataOfAnotherShapeIsRefused(shape: [Int], data: String, words: String) throws {
        let error = #expect(throws: InferenceError.self) {
            try Samples.rows(Samples.features(shape, data))
        }
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test(arguments: [
        ("BOOL", "0", "1", ["2", "-1", "0.5", "null"]),
        ("UINT8", "0", "255", ["800", "256", "-1", "8.5", "NaN"]),
        ("INT8", "-128", "127", ["128", "-129"]), ("UINT16", "0", "65535", ["65536", "-1"]),
        ("INT16", "-32768", "32767", ["32768", "1e-3"]),
        ("UINT32", "0", "4294967295", ["-1", "1e10", "Infinity"]),
        ("INT32", "-2147483648", "2147483647", ["8.5", "3e9"]),
        ("UINT64", "0", "18446744073709551615", ["1e20", "-1"]),
        ("INT64", "-9223372036854775808", "9223372036854775807", ["1e19", "0.1"]),
    ])
    func dataIsOfItsDatatype(
        datatype: String, least: String, most: String, others: [String]
    ) throws {
        let ends = Samples.features([1, 3], "[\(least),\(most),1]", datatype: datatype)
        #expect(try Samples.values(ends) == [least, most, "1"].compactMap { Float($0) })
        for other in others {
            let error = #expect(throws: InferenceError.self) {
                try Samples.rows(Samples.features([1, 3], "[1,\(other),0]", datatype: datatype))
            }
            let words = "and \(datatype) holds whole numbers from \(least) to \(most)"
            #expect(error?.status == 400)
            #expect(error?.message.hasPrefix("value 1 of the input features is ") == true)
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        }
    }

    @Test func numbersForTruthAre0And1InBinaryToo() throws {
        let (body, length) = Samples.binary([1, 3], "BOOL", [1, 2, 0])
        let error = #expect(throws: InferenceError.self) { try Samples.rows(body, length) }
        #expect(error?.message.contains("BOOL holds whole numbers from 0 to 1") == true)
    }

    @Test func binaryPartsThatDoNotFitAreRefused() throws {
        let (body, length) = Samples.binary([1, 3], "FP32", [UInt8](repeating: 0, count: 12))
        #expect(try Samples.rows(body, length).count == 1)
        let json = Int(length) ?? 0
        for (body, length) in [
            (body + [0], length), (Array(body.dropLast()), length), (body, nil),
            (body, "\(json - 1)"), (body, "\(json + 1)"), (body, "-1"), (body, "+\(json)"),
            (body, "99999999999999999999"), (body, ""), (body, "0"), (body, "\(body.count + 1)"),
        ] {
            #expect(throws: InferenceError.self) { try Samples.rows(body, length) }
        }
        for (datatype, count) in [("FP32", 13), ("FP64", 12), ("BYTES", 12), ("FP16", 12)] {
            let (body, length) = Samples.binary(
                [1, 3], datatype, [UInt8](repeating: 0, count: count))
            #expect(throws: InferenceError.self) { try Samples.rows(body, length) }
        }
    }

    @Test func anotherInputIsRefusedByName() throws {
        let error = #expect(throws: InferenceError.self) {
            try Samples.rows(
                Samples.body(#""name":"input-0","shape":[1,3],"datatype":"FP32","data":[1,2,3]"#))
        }
        #expect(error?.message.contains("has one input, features") == true)
        #expect(error?.message.contains("input-0") == true)
    }

    /// Against the standard library, for numbers in every form.
    @Test func numbersAreTheNearestFloats() throws {
        var generator = SystemRandomNumberGenerator()
        var texts: [String] = [
            "0", "-0", "0.0", "1", "16777217", "16777219", "33554433.0", "8388608.5", "0.1",
            "3.4028235e38", "1.17549435e-38", "1e-45", "7e-46", "9007199254740993",
            "123456789012345678901234567890", "0.00000000000000000000000000000000000001",
            "1.00000005960464477539062500000000000000001", "1.000000059604644775390625",
        ]
        for _ in 0..<20_000 {
            let bits = UInt32.random(in: 0...UInt32.max, using: &generator)
            let value = Float(bitPattern: bits)
            guard value.isFinite else { continue }
            texts.append("\(value)")
            // As Python writes a float32.
            texts.append("\(Double(value))")
            texts.append("\(Double.random(in: -10...10, using: &generator))")
        }
        let model = try Samples.description("column", .features(1))
        let body = Samples.features(
            [texts.count, 1], "[" + texts.joined(separator: ",") + "]")
        let values = try #require(try Samples.values(body, of: model))
        for (text, value) in zip(texts, values) {
            let expected = Float(text)
            #expect(
                value.bitPattern == expected?.bitPattern,
                "\(text): \(value), not \(expected ?? .nan)")
        }
    }
}
