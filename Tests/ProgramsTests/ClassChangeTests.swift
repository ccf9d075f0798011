import Formats
import Heads
import Model
import Numerics
import Programs
import RunFolder
import TestSupport
import Testing

/// What `coordinator classes` hands on to run.
@Suite struct ClassChangeTests {
    // Without workers a run waits for ever.
    @Test func workersAreStartedUnlessOthersWork() {
        #expect(ClassChange.workers(beside: [], coreCount: 3) == ["--workers=3"])
        #expect(ClassChange.workers(beside: ["--seed", "1"], coreCount: 3) == ["--workers=3"])
        for name in ["--workers", "--bind", "--min-workers"] {
            #expect(ClassChange.workers(beside: ["--json", name, "2"], coreCount: 3).isEmpty)
            #expect(ClassChange.workers(beside: [name + "=2"], coreCount: 3).isEmpty)
        }
    }

    // Heads of a class against the rest: each class has its own line, whatever number it has, and a head
    // is known again by its class and by what the rest is.
    @Test func headsAgainstTheRestAreComparedByTheirClasses() throws {
        let folder = try TemporaryDirectory()
        func write(_ run: String, _ names: [String]) throws {
            let all = ClassSet.all(names.count)
            let heads = names.enumerated().map { index, name -> Head in
                let own = Float(name.utf8.first ?? 0)
                return Head(
                    key: .rest(index, of: all),
                    weights: Matrix(
                        rowCount: 2, columnCount: 1,
                        values: index == 0 ? [own, -own] : [-own, own]),
                    biases: [0, 0])
            }
            let model = Model(
                classNames: names, classKeys: names.map { UInt64($0.utf8.first ?? 0) },
                heads: heads, backbone: nil)
            try FileSystem.makeFolder(folder.path(run))
            try AtomicFile.write(
                try model.file().encoded(),
                to: RunDirectory.path(of: .model, in: folder.path(run)))
        }
        try write("run", ["a", "b", "c"])
        for (run, names, count) in [
            ("other", ["c", "a", "b"], 3), ("more", ["a", "b", "c", "d"], 0),
        ] {
            try write(run, names)
            let sentence = try ClassChange.report(
                from: folder.path("run"), in: folder.path(run))
            #expect(sentence.hasPrefix("\(count) of \(names.count) heads kept their bits"))
            let lines = String(
                decoding: try bytes(of: folder.path(run + "/heads.csv")), as: UTF8.self
            ).split(separator: "\n")
            #expect(lines.count == 1 + names.count)
            #expect(
                Set(lines.dropFirst().map { $0.prefix { $0 != "," } })
                    == Set(names.map { "\"\($0) | the rest\"" }))
        }
    }
}
