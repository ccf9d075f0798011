import FeatureSource
import Foundation
import Numerics
import TestSupport
import Testing

/// Files as NumPy, pandas, scikit-learn, safetensors and PyTorch write them.
///
/// They are made here and now by those that Python has; what they hold is computed a second time,
/// without Python.
@Suite(.timeLimit(.minutes(5))) struct PythonFilesTests {
    private static let script = #"""
        import csv, importlib.util, sys
        folder = sys.argv[1] + "/"
        def has(name):
            if importlib.util.find_spec(name): return True
            print("without", name)
        if not has("numpy"): sys.exit()
        import numpy as np
        n, d = 23, 7
        i, j = np.arange(n)[:, None], np.arange(d)[None, :]
        x = (((i * 31 + j * 17) % 101 - 50) / 8).astype(np.float32)
        y = np.arange(n) * 5 % 4 * 10 - 10
        words = np.array(["ä b", 'q"uo,te', "猫", "007"])[y // 10 + 1]
        def say(path, labels="-", *options): print("file", path, labels, *options, sep="\t")
        np.save(folder + "y.npy", y)
        np.savetxt(folder + "y.txt", y)
        np.save(folder + "words.npy", words)
        np.save(folder + "bytes.npy", np.char.encode(words, "utf-8"))
        for t in ["f2", "f4", "f8"]:
            for order in "<>":
                for layout in "CF":
                    path = f"{folder}{t}{'lb'[order == '>']}{layout}.npy"
                    np.save(path, x.astype(order + t, order=layout))
                    say(path, folder + "y.npy")
        whole = (x * 8).astype("i2")
        for version in [(1, 0), (2, 0), (3, 0)]:
            path = f"{folder}v{version[0]}.npy"
            with open(path, "wb") as file: np.lib.format.write_array(file, x, version)
            say(path, folder + "y.txt")
        say(folder + "v1.npy", folder + "words.npy", "words")
        say(folder + "v2.npy", folder + "bytes.npy", "words")
        for t in ["i1", "<i2", ">i4", "i8"]:
            np.save(f"{folder}w{t[-2:]}.npy", whole.astype(t))
            say(f"{folder}w{t[-2:]}.npy", folder + "y.npy", "eighths")
        for number, names in enumerate([("x_train", "y_train"), ("train_images", "train_labels"),
                                        ("X", "y"), ("features", "labels")]):
            for save in [np.savez, np.savez_compressed]:
                path = f"{folder}{number}{save.__name__}.npz"
                save(path, **{names[0]: np.asfortranarray(x), names[1]: words})
                say(path, "-", "words")
        np.savez(folder + "shadow.npz", **{"x": x, "x.npy": x[:3], "a:b": y})
        say(folder + "shadow.npz:x", folder + "shadow.npz:a:b")
        np.savetxt(folder + "t.csv", np.column_stack([x, y]), delimiter=",")
        say(folder + "t.csv:-1")
        if has("ml_dtypes"):
            import ml_dtypes
            np.save(folder + "bf16.npy", x.astype(ml_dtypes.bfloat16))
            say(folder + "bf16.npy", folder + "y.npy", "bf16")
        if has("pandas"):
            import pandas as pd
            frame = pd.DataFrame(x).add_prefix("f")
            np.save(folder + "pandas.npy", frame.to_numpy())
            say(folder + "pandas.npy", folder + "y.npy")
            for number, options in enumerate([{}, {"quoting": csv.QUOTE_ALL}, {"sep": ";"},
                                              {"lineterminator": "\r\n"}, {"float_format": "%.9e"}]):
                for kind, labels in [("", y), ("words", words)]:
                    path = f"{folder}p{number}{kind}.csv"
                    frame.assign(label=labels).to_csv(path, index=False, **options)
                    say(path, "-", kind or "numbers")
            frame.assign(label=words).to_csv(folder + "h.csv", index=False, header=False)
            say(folder + "h.csv", "-", "words")
            pd.Series(words, name="label").to_csv(folder + "y.csv", index=False)
            say(folder + "v3.npy", folder + "y.csv", "words")
        if has("sklearn"):
            from sklearn.datasets import dump_svmlight_file
            for base in [0, 1]:
                path = f"{folder}s{base}.svm"
                dump_svmlight_file(x, y, path, zero_based=base == 0, comment="1:2 é")
                say(path, "-", f"base{base}")
        if has("safetensors"):
            from safetensors.numpy import save_file
            for t in ["f2", "f4", "f8"]:
                path = f"{folder}{t}.safetensors"
                save_file({"X": np.ascontiguousarray(x, t), "y": y.astype("i4")}, path)
                say(path)
            if has("torch"):
                import torch
                from safetensors.torch import save_file as save_torch
                tensor = torch.from_numpy(x)
                path = folder + "torch.safetensors"
                save_torch({"features": tensor.to(torch.bfloat16), "labels": torch.tensor(y)}, path)
                say(path)
                np.save(folder + "torch.npy", tensor.numpy())
                say(folder + "torch.npy", folder + "y.npy")
        """#

    private static let (rowCount, columnCount) = (23, 7)
    private static let values = (0..<rowCount * columnCount).map { place in
        Float((place / columnCount * 31 + place % columnCount * 17) % 101 - 50) / 8
    }
    private static let words = ["ä b", "q\"uo,te", "猫", "007"]

    @Test func readsWhatPythonWrites() throws {
        let folder = try TemporaryDirectory()
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["timeout", "200", "python3", "-c", Self.script, folder.path]
        let pipe = Pipe()
        process.standardOutput = pipe
        do { try process.run() } catch {
            print("skipped: there is no Python")
            return
        }
        let said = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let lines = said.split(separator: "\n")
        for line in lines where line.hasPrefix("without") { print("skipped: \(line)") }
        let files = lines.filter { $0.hasPrefix("file") }
        if process.terminationStatus == 127 {
            print("skipped: there is no Python")
            return
        }
        #expect(process.terminationStatus == 0)
        #expect(lines.first == "without numpy" || files.count > 30)
        for line in files { try check(line.split(separator: "\t").map { String($0) }) }
    }

    /// Loads a file as the line says, and compares all of it.
    private func check(_ fields: [String]) throws {
        let (path, labels, options) = (fields[1], fields[2], fields.dropFirst(3))
        let data: UserData
        do {
            data = try UserData.load(
                UserDataRequest(
                    train: path, trainLabels: labels == "-" ? nil : labels,
                    svmlightBase: options.contains("base1") ? 1 : nil,
                    readsBfloat16: options.contains("bf16")))
        } catch {
            Issue.record("\(error)")
            return
        }
        guard case .features(let rows, nil, nil) = data.rows, let matrix = rows.held else {
            Issue.record("\(path) holds features, and no test rows")
            return
        }
        let scale: Float = options.contains("eighths") ? 8 : 1
        #expect(
            matrix.rowCount == Self.rowCount && matrix.columnCount == Self.columnCount, "\(path)")
        #expect(matrix.values == Self.values.map { $0 * scale }, "\(path)")
        let names = data.trainLabels.map { data.classNames[$0] }
        let numbers = (0..<Self.rowCount).map { $0 * 5 % 4 }
        let expected =
            options.contains("words")
            ? numbers.map { Self.words[$0] } : numbers.map { String($0 * 10 - 10) }
        #expect(names == expected, "\(path) \(labels)")
    }
}
