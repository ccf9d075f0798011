extension String {
    /// The text as one word of a shell's command line: in quotes where it needs them.
    package var shellQuoted: String {
        guard isEmpty || contains(/[^A-Za-z0-9_.,:\/=@%+-]/) else { return self }
        return "'" + replacing("'", with: "'\\''") + "'"
    }
}
