import Display
import Testing

@Suite struct FormatTests {
    @Test(arguments: [
        (0.0, "0"), (1, "1"), (-2.5, "-2.5"), (0.001, "0.001"), (1e-4, "1e-4"), (1e-6, "1e-6"),
        (1.778_279_41e-3, "0.001778"), (-1.778_279_41e-6, "-1.778e-6"), (999.96, "1000"),
        (99_999.6, "100000"), (999_999.6, "1e6"), (0.000_999_996, "0.001"), (56_234.1, "56234"),
        (1e300, "1e300"), (1e-300, "1e-300"), (.infinity, "-"), (.nan, "-"),
    ]) func significantDigits(value: Double, text: String) {
        #expect(Format.significant(value, digits: 4) == text)
    }

    @Test(arguments: [
        (0, 2, "0.00"), (1.005, 0, "1"), (0.5, 0, "1"), (2.5, 0, "3"), (-2.5, 0, "-3"),
        (-0.001, 2, "0.00"), (12.3456, 3, "12.346"), (0.05, 1, "0.1"),
        (1e15, 0, "1000000000000000"),
        (1e30, 2, "-"), (.infinity, 1, "-"), (.nan, 1, "-"),
    ])
    func decimals(value: Double, places: Int, expected: String) {
        #expect(Format.decimal(value, places: places) == expected)
    }

    @Test func percentages() {
        #expect(Format.percent(0.9125) == "91.25%")
        #expect(Format.percent(1) == "100.00%")
        #expect(Format.percent(0.0004, places: 0) == "0%")
        #expect(Format.percent(.nan) == "-")
    }

    @Test(arguments: [
        (0, "0"), (999, "999"), (1_000, "1,000"), (1_313_270, "1,313,270"), (-45_000, "-45,000"),
        (Int.max, "9,223,372,036,854,775,807"), (Int.min, "-9,223,372,036,854,775,808"),
    ])
    func counts(value: Int, expected: String) {
        #expect(Format.count(value) == expected)
    }

    @Test func countsWithNouns() {
        #expect(Format.count(1, "trial") == "1 trial")
        #expect(Format.count(1_000, "trial") == "1,000 trials")
        #expect(Format.count(0, "loss", plural: "losses") == "0 losses")
    }

    @Test(arguments: [
        (0, "0.00s"), (0.35, "0.35s"), (0.994, "0.99s"), (0.996, "1.0s"), (7.14, "7.1s"),
        (9.94, "9.9s"), (9.96, "10s"), (42, "42s"), (59.4, "59s"), (59.6, "1m 00s"), (65, "1m 05s"),
        (3_599.6, "1h 00m"), (7_380, "2h 03m"), (86_399, "23h 59m"), (100_800, "1d 04h"), (-1, "-"),
        (.infinity, "-"), (.nan, "-"),
    ])
    func durations(seconds: Double, expected: String) {
        #expect(Format.duration(seconds: seconds) == expected)
    }

    @Test(arguments: [
        (0, "0 B"), (512, "512 B"), (1_023, "1023 B"), (1_024, "1.00 KiB"), (5_242_880, "5.00 MiB"),
        (61_440_000, "58.6 MiB"), (1_048_500, "1.00 MiB"), (Int.max, "8192 PiB"),
    ])
    func sizes(count: Int, expected: String) {
        #expect(Format.bytes(count) == expected)
    }

    @Test(arguments: [
        (0, "0.00"), (0.42, "0.42"), (9.994, "9.99"), (9.996, "10.0"), (61.34, "61.3"),
        (99.96, "100"), (999.4, "999"), (999.6, "1.00k"), (8_400, "8.40k"), (1_250_000, "1.25M"),
        (3.5e12, "3.50T"), (.nan, "-"),
    ])
    func rates(value: Double, expected: String) {
        #expect(Format.rate(value) == expected)
    }

    @Test func fitsText() {
        #expect(Format.fitted("abc", width: 5) == "abc  ")
        #expect(Format.fitted("abc", width: 5, alignRight: true) == "  abc")
        #expect(Format.fitted("abcdef", width: 4) == "abc~")
        #expect(Format.fitted("abc", width: 0) == "")
        #expect(Format.fitted("a\u{1B}[2J\n", width: 6) == "a?[2J?")
        #expect(Format.printable("é\u{202E}x") == "é?x")
    }
}
