import InferenceProtocol
import Testing

/// Paths to what they ask for.
@Suite struct RouteTests {
    @Test(
        arguments: [
            ("GET", "/v2", .server), ("GET", "/v2/", .server), ("GET", "/v2/health/live", .live),
            ("HEAD", "/v2/health/ready", .ready), ("GET", "/v2/models", .models),
            ("POST", "/v2/repository/index", .repositoryIndex),
            ("GET", "/v2/models/m", .model("m")),
            ("GET", "/v2/models/m/versions/1", .model("m")),
            ("GET", "/v2/models/m/ready", .modelReady("m")),
            ("GET", "/v2/models/m/versions/1/ready", .modelReady("m")),
            ("POST", "/v2/models/m/infer", .infer("m")),
            ("POST", "/v2/models/m/versions/1/infer", .infer("m")),
            ("POST", "/v2/models/a%20b%C3%A9%2F/infer", .infer("a bé/")),
        ] as [(String, String, InferenceRoute)])
    func pathsAreUnderstood(method: String, path: String, route: InferenceRoute) throws {
        #expect(try InferenceRoute(method: method, path: path) == route)
    }

    @Test(arguments: [
        ("run-1.2_b~", "run-1.2_b~"), ("we ird", "we%20ird"), ("a%2fb", "a%252fb"),
        ("é?#", "%C3%A9%3F%23"), ("\t", "%09"),
    ])
    func pathsOfModelsLeadToThem(name: String, encoded: String) throws {
        let path = InferenceRoute.path(ofModel: name)
        #expect(path == "/v2/models/" + encoded)
        #expect(try InferenceRoute(method: "GET", path: path) == .model(name))
    }

    @Test(arguments: [
        ("GET", "/", 404), ("GET", "/v1/models/m", 404), ("GET", "/v2/models/m/x", 404),
        ("GET", "/v2/models/m/versions/2", 404), ("GET", "/v2/health", 404),
        ("GET", "/v2/models/%zz", 404), ("GET", "/v2/models/%ff", 404), ("GET", "", 404),
        ("GET", "/v2/models/m/infer", 405), ("POST", "/v2/models/m", 405),
        ("DELETE", "/v2/health/live", 405), ("GET", "/v2/models/m/infer/more", 404),
    ])
    func othersAreRefused(method: String, path: String, status: Int) {
        let error = #expect(throws: InferenceError.self) {
            try InferenceRoute(method: method, path: path)
        }
        #expect(error?.status == status)
    }
}
