/// What a file is instead of what it should be, told by its first bytes.
package enum ForeignFile {
    /// As many bytes of a file as are looked at.
    static let startByteCount = 512

    private static let packed: [(magic: [UInt8], what: String)] = [
        ([0x50, 0x4B, 3, 4], "a zip archive; unpack it first (unzip)"),
        ([0x1F, 0x8B], "packed by gzip; unpack it first (gunzip)"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "packed by xz; unpack it first (xz -d)"),
        ([0x28, 0xB5, 0x2F, 0xFD], "packed by Zstandard; unpack it first (zstd -d)"),
        (Array("BZh".utf8), "packed by bzip2; unpack it first (bunzip2)"),
        ([0x37, 0x7A, 0xBC, 0xAF], "a 7z archive; unpack it first (7z x)"),
        (Array("Rar!".utf8), "a RAR archive; unpack it first (unrar x)"),
        ([0x89, 0x48, 0x44, 0x46], "an HDF5 file; save its arrays with np.save"),
        ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59], "an NPY file; give it by --train"),
        (Array("PAR1".utf8), "a Parquet file; save df.to_numpy() with np.save"),
        (Array("ARROW1".utf8), "an Arrow file; save df.to_numpy() with np.save"),
        (Array("MATLAB".utf8), "a MATLAB file; save its arrays with np.save"),
        ([0xFF, 0xFE], "in UTF-16 and not text in UTF-8; save it as UTF-8"),
        ([0xFE, 0xFF], "in UTF-16 and not text in UTF-8; save it as UTF-8"),
        ([0x80, 2], "a Python pickle; save its arrays with np.save"),
        ([0x80, 3], "a Python pickle; save its arrays with np.save"),
        ([0x80, 4], "a Python pickle; save its arrays with np.save"),
        ([0x80, 5], "a Python pickle; save its arrays with np.save"),
    ]

    /// What stands in a file's place that no reader of ours takes: a web page, or a pointer to it.
    ///
    /// - Returns: a clause, what it is and then the cure; nil for anything else.
    static func stand(in start: [UInt8]) -> String? {
        let text = String(decoding: start.prefix(256), as: UTF8.self)
            .drop { $0.isWhitespace || $0 == "\u{FEFF}" }.lowercased()
        if text.hasPrefix("version https://git-lfs") {
            return "it is a Git LFS pointer in the file's place; run 'git lfs pull' in the "
                + "repository it is from, or download the file itself"
        }
        for opening in ["<!doctype", "<html", "<?xml"] where text.hasPrefix(opening) {
            return "it is a web page in the file's place, as servers send to report an error or to "
                + "ask for a log-in; look at it, and download the file itself"
        }
        return nil
    }

    /// What an archive or another known format is that begins like this.
    ///
    /// - Returns: a clause after "it is", with the cure; nil for what is not known.
    static func kind(_ start: [UInt8]) -> String? {
        if start.count >= 262, start[257..<262].elementsEqual("ustar".utf8) {
            return "a tar archive; unpack it first (tar -xf)"
        }
        return packed.first { start.starts(with: $0.magic) }?.what
    }
}
