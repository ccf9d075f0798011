import Formats
import Foundation
import RunFolder
import System

/// The model files that a path stands for, and their names.
struct ModelFolder {
    /// A file to serve.
    struct Entry {
        let name: String
        let path: String
    }

    private static let fileExtension = "safetensors"

    let path: String
    /// The name of a single model; nil takes its folder's or file's.
    let name: String?
    /// Whether the path holds models of its own, of which some may come and go.
    let isMany: Bool

    /// Looks what a path is.
    ///
    /// - Throws: `data` for a path that is not there, `usage` for a name where there are many.
    init(_ path: String, name: String?) throws(RunError) {
        self.path = path
        self.name = name
        guard FileSystem.exists(path) else {
            throw RunError(
                .data,
                "there is no \(path); give a run's folder, a model.safetensors, or a folder with several"
            )
        }
        isMany =
            Self.isFolder(path)
            && !FileSystem.exists(RunDirectory.path(of: .model, in: path))
        guard name == nil || !isMany else {
            throw .usage("--name is for one model, and \(path) is a folder of several")
        }
    }

    /// The files now, by name.
    ///
    /// - Throws: `data` where there is none, or two would have one name.
    func entries() throws(RunError) -> [Entry] {
        guard isMany else {
            let file =
                Self.isFolder(path) ? RunDirectory.path(of: .model, in: path) : path
            return [Entry(name: name ?? Self.name(of: file), path: file)]
        }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path))?.sorted() ?? []
        var entries: [Entry] = []
        for name in names where !name.hasPrefix(".") {
            let inside = path + "/" + name
            let model = RunDirectory.path(of: .model, in: inside)
            if Self.isFolder(inside) {
                if FileSystem.exists(model) { entries.append(Entry(name: name, path: model)) }
            } else if name.hasSuffix("." + Self.fileExtension) {
                entries.append(
                    Entry(name: String(name.dropLast(Self.fileExtension.count + 1)), path: inside))
            }
        }
        guard !entries.isEmpty else {
            throw RunError(
                .data,
                "\(path) holds no model.safetensors and no folder or file with one; give a run's folder, a model.safetensors, or a folder with several"
            )
        }
        for (index, entry) in entries.enumerated() {
            if let other = entries[..<index].first(where: { $0.name == entry.name }) {
                throw RunError(
                    .data,
                    "\(other.path) and \(entry.path) would both be served as \(entry.name); rename one"
                )
            }
        }
        return entries
    }

    /// A model.safetensors is called as its folder is, any other file as itself.
    private static func name(of file: String) -> String {
        let url = URL(filePath: file).standardizedFileURL
        let stem = url.deletingPathExtension().lastPathComponent
        guard url.lastPathComponent == RunDirectory.Artefact.model.rawValue else { return stem }
        let folder = url.deletingLastPathComponent().lastPathComponent
        return folder.isEmpty || folder == "/" ? stem : folder
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            && isFolder.boolValue
    }
}
