import Testing

/// The real programs on loopback, one test at a time: each uses both cores of a small machine, and
/// some measure time.
@Suite(.serialized) struct EndToEndTests {}
