// Nothing to import: linked for its one symbol, which CRelease declares.
