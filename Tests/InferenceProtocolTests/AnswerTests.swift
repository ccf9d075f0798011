import InferenceProtocol
import Testing

/// Probabilities to bodies.
@Suite struct AnswerTests {
    private static let probabilities = [0.25, 0.25, 0.5, 1.0, 0.0, 0.0]

    private func answer(
        _ rest: String, of model: ModelDescription? = nil
    ) throws -> (text: String, binary: [UInt8]) {
        let width = model == nil ? 3 : 2
        let body = Samples.features(
            [2, width], "\([Int](repeating: 1, count: 2 * width))", rest.isEmpty ? "" : "," + rest)
        let request = try InferenceRequest(body: body)
        let (bytes, count) = try InferenceAnswer(to: request, by: model ?? Samples.names)
            .body(Self.probabilities[...])
        return (
            String(decoding: bytes.prefix(count ?? bytes.count), as: UTF8.self),
            count.map { Array(bytes[$0...]) } ?? []
        )
    }

    @Test func allOutputsWhereNoneIsNamed() throws {
        let expected =
            #"{"model_name":"pets","model_version":"1","id":"a\"b","outputs":["#
            + #"{"name":"label","datatype":"BYTES","shape":[2],"data":["鳥","cat"]},"#
            + #"{"name":"label_index","datatype":"INT64","shape":[2],"data":[2,0]},"#
            + #"{"name":"probabilities","datatype":"FP64","shape":[2,3],"data":[0.25,0.25,0.5,1.0,0.0,0.0]},"#
            + #"{"name":"score","datatype":"FP64","shape":[2],"data":[0.5,1.0]}]}"#
        #expect(try answer(#""id":"a\"b""#).text == expected)
    }

    @Test func onlyWhatIsAskedForInItsOrder() throws {
        let text = try answer(#""outputs":[{"name":"score"},{"name":"label"}]"#).text
        #expect(
            text == #"{"model_name":"pets","model_version":"1","outputs":["#
                + #"{"name":"score","datatype":"FP64","shape":[2],"data":[0.5,1.0]},"#
                + #"{"name":"label","datatype":"BYTES","shape":[2],"data":["鳥","cat"]}]}"#)
    }

    @Test func wholeNumbersAreLabelsAsSuch() throws {
        let (text, binary) = try answer(
            #""outputs":[{"name":"label","parameters":{"binary_data":true}},{"name":"label_index"}]"#,
            of: try Samples.numbers)
        #expect(
            text.contains(#""datatype":"INT64","shape":[2],"parameters":{"binary_data_size":16}"#))
        #expect(
            text.contains(#"{"name":"label_index","datatype":"INT64","shape":[2],"data":[2,0]}"#))
        #expect(binary == [30, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0])
    }

    @Test func binaryOutputsFollowTheJSON() throws {
        let (text, binary) = try answer(
            #""parameters":{"binary_data_output":true},"outputs":[{"name":"label"},{"name":"score","parameters":{"binary_data":false}},{"name":"probabilities"}]"#
        )
        #expect(text.contains(#""shape":[2],"parameters":{"binary_data_size":14}}"#))
        #expect(text.contains(#""data":[0.5,1.0]"#))
        #expect(text.contains(#""binary_data_size":48"#))
        let labels: [UInt8] = [3, 0, 0, 0] + Array("鳥".utf8) + [3, 0, 0, 0] + Array("cat".utf8)
        #expect(binary.prefix(14).elementsEqual(labels))
        #expect(binary.dropFirst(14).prefix(8).elementsEqual([0, 0, 0, 0, 0, 0, 0xD0, 0x3F]))
        #expect(binary.count == 14 + 48)
    }

    @Test func severalClassesOfEachRow() throws {
        let text = try answer(
            #""parameters":{"top":2},"outputs":[{"name":"label_index"},{"name":"score"}]"#
        )
        .text
        // Of equally probable classes the lowest comes first.
        #expect(text.contains(#""shape":[2,2],"data":[2,0,0,1]"#))
        #expect(text.contains(#""shape":[2,2],"data":[0.5,0.25,1.0,0.0]"#))
    }

    @Test func classificationInTritonsWay() throws {
        let text = try answer(
            #""outputs":[{"name":"probabilities","parameters":{"classification":2}}]"#
        ).text
        #expect(
            text.contains(
                #""datatype":"BYTES","shape":[2,2],"data":["0.5:2:鳥","0.25:0:cat","1.0:0:cat","0.0:1:dög \"x\""]"#
            ))
    }

    @Test(arguments: [
        (#""outputs":[{"name":"logits"}]"#, "no output logits"),
        (#""outputs":[{"name":"label","parameters":{"classification":1}}]"#, "classification"),
        (#""outputs":[{"name":"probabilities","parameters":{"classification":4}}]"#, "3 classes"),
        (#""outputs":[{"name":"probabilities","parameters":{"classification":-1}}]"#, "-1"),
        (#""parameters":{"top":0}"#, "top is 0"), (#""parameters":{"top":4}"#, "3 classes"),
        (#""parameters":{"binary_data_output":1}"#, "true or false"),
    ])
    func whatTheModelDoesNotHaveIsRefused(rest: String, words: String) throws {
        let error = #expect(throws: InferenceError.self) { try answer(rest) }
        #expect(error?.status == 400)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test func noRowsHaveNoAnswers() throws {
        let request = try InferenceRequest(body: Samples.features([0, 3], "[]"))
        let (bytes, _) = try InferenceAnswer(to: request, by: try Samples.names).body([])
        #expect(String(decoding: bytes, as: UTF8.self).contains(#""shape":[0,3],"data":[]"#))
    }

    @Test func errorsAreJSON() {
        #expect(
            String(decoding: InferenceError("a \"b\"\n\u{1}é").body, as: UTF8.self)
                == #"{"error":"a \"b\"\n\u0001é"}"#)
    }

    @Test(arguments: ["", ".", "..", "a/b", "/", "a\nb"])
    func aNameThatNoPathHoldsIsRefused(name: String) {
        #expect(throws: InferenceError.self) { try Samples.description(name, .features(2)) }
    }

    @Test func modelsDescribeThemselves() throws {
        let text = String(decoding: try Samples.colour.metadata, as: UTF8.self)
        #expect(
            text
                == #"{"name":"colour","versions":["1"],"platform":"manyheads","#
                + #""inputs":[{"name":"images","datatype":"UINT8","shape":[-1,8,9,3]}],"#
                + #""outputs":[{"name":"label","datatype":"BYTES","shape":[-1]},"#
                + #"{"name":"label_index","datatype":"INT64","shape":[-1]},"#
                + #"{"name":"probabilities","datatype":"FP64","shape":[-1,3]},"#
                + #"{"name":"score","datatype":"FP64","shape":[-1]}],"#
                + #""parameters":{"schemes":["tree","dag"],"classes":["a","b","c"]}}"#)
    }
}
