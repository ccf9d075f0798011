extension StudyPage {
    /// Colours are variables, so that one rule serves light and dark; print is always light.
    static let style = """
        :root { color-scheme: light dark; --ground: #fff; --ink: #1b232d; --quiet: #566272;
          --rule: #cfd6de; --grid: #e6eaef; --soft: #f3f5f8; --link: #1a5ea8;
          \(ChartPalette.variables(ChartPalette.light))
          --heat: 26 102 176; --more: 196 104 20; --less: 26 102 176;
          --band: rgb(86 98 114 / 9%); --shade: rgb(27 35 45 / 32%) }
        @media screen and (prefers-color-scheme: dark) {
        :root { --ground: #12161b; --ink: #e5e9ee; --quiet: #a0abb8; --rule: #414b57;
          --grid: #272e37; --soft: #1b2129; --link: #7db7f2;
          \(ChartPalette.variables(ChartPalette.dark))
          --heat: 76 152 226; --more: 226 136 52; --less: 76 152 226;
          --band: rgb(160 171 184 / 12%); --shade: rgb(229 233 238 / 28%) }
        }
        * { box-sizing: border-box }
        html { scroll-padding-top: 1rem; -webkit-text-size-adjust: 100% }
        body { margin: 0 auto; padding: 1.5rem clamp(0.9rem, 3vw, 2.5rem) 4rem; max-width: 84rem;
          background: var(--ground); color: var(--ink);
          font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif }
        h1 { font-size: clamp(1.5rem, 4vw, 2.1rem); line-height: 1.2; margin: 0.5rem 0; text-wrap: balance }
        h2 { font-size: 1.35rem; margin: 3rem 0 0.5rem; padding-top: 0.75rem; border-top: 2px solid var(--rule) }
        h3 { font-size: 1.1rem; margin: 1.75rem 0 0.5rem }
        p, ul.plain { max-width: 48rem; margin: 0.6rem 0 }
        a { color: var(--link) }
        .quiet, small { color: var(--quiet) }
        .lead { font-size: 1.12rem; max-width: 54rem }
        nav ol { list-style: none; display: flex; flex-wrap: wrap; gap: 0.2rem 1.1rem; padding: 0;
          margin: 1rem 0; font-size: 0.92rem }
        /* A shade at the right as long as there is more to scroll to; it moves with the page, its
           cover with the table. */
        .scroll { overflow-x: auto; margin: 0.75rem 0 1.25rem; max-width: 100%;
          scrollbar-width: thin; scrollbar-color: var(--quiet) var(--grid);
          background: linear-gradient(to left, var(--ground) 40%, transparent) right / 3rem 100% local,
            linear-gradient(to left, var(--shade), transparent) right / 1.1rem 100% scroll;
          background-repeat: no-repeat }
        table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums }
        caption { text-align: left; color: var(--quiet); padding: 0.2rem 0; font-size: 0.875rem }
        th, td { padding: 0.22rem 0.65rem; text-align: right; white-space: nowrap;
          border-bottom: 1px solid var(--grid) }
        thead th { border-bottom: 2px solid var(--rule); vertical-align: bottom }
        th.left, th[scope=row] { text-align: left; font-weight: 500 }
        th.key { position: sticky; left: 0; background: var(--ground); --first: 11rem }
        .two th.key:first-child { min-width: var(--first); max-width: var(--first) }
        .two th.key + th.key { left: var(--first) }
        th.key, .two th.key + th.key { background-clip: padding-box }
        tr.group th { text-align: left; background: var(--band); font-weight: 650 }
        tr.group span { position: sticky; left: 0.65rem }
        caption span { position: sticky; left: 0; display: inline-block; max-width: calc(100vw - 2.5rem) }
        tr.post th, tr.post td { font-style: italic; color: var(--quiet) }
        td small { display: inline-block; min-width: 3em }
        tr.quiet td { color: var(--quiet) }
        .up { color: var(--k3); font-weight: 650 } .down { color: var(--k7); font-weight: 650 }
        details { margin: 0.6rem 0; border-left: 3px solid var(--rule); padding-left: 0.9rem }
        summary { cursor: pointer; font-weight: 600; margin-left: -0.1rem }
        pre { background: var(--soft); padding: 0.75rem 1rem; overflow-x: auto; border-radius: 6px;
          font: 0.85rem/1.5 ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace;
          white-space: pre-wrap; overflow-wrap: anywhere }
        code { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; font-size: 0.82rem }
        .charts { display: grid; gap: 1.25rem 2rem; align-items: start; margin: 0.5rem 0 1rem;
          grid-template-columns: repeat(auto-fill, minmax(min(100%,
            max(22.5rem, (100% - (var(--n) - 1) * 2rem) / var(--n))), 1fr)) }
        figure { margin: 0; max-width: 48rem; container: chart / inline-size }
        figcaption { font-weight: 600; font-size: 0.95rem; margin-bottom: 0.15rem }
        figcaption + p, figure > p { font-size: 0.85rem; margin: 0.1rem 0; color: var(--quiet) }
        svg.chart { display: block; width: 100%; height: auto; overflow: visible }
        .wide { container: wide / inline-size } .wide svg.chart { min-width: 46rem }
        svg text { font-family: inherit; fill: var(--ink) }
        svg text.quiet { fill: var(--quiet) } svg text.strong { font-weight: 650 }
        .axis { stroke: var(--quiet) } .grid { stroke: var(--grid) } .zero { stroke: var(--ink) }
        .diagonal { stroke: var(--quiet); stroke-dasharray: 5 4 }
        .curve { fill: none; stroke: var(--c); stroke-width: 1.3 } .bold .curve { stroke-width: 2.2 }
        polyline.curve { opacity: 0.5 } .bold polyline.curve { opacity: 1 }
        .whisker { stroke: var(--c); stroke-width: 1.3 } .mark { fill: var(--c); stroke: var(--c) }
        .open { fill: var(--ground); stroke: var(--c); stroke-width: 1.6 } .bar { fill: var(--c) }
        .postmark { stroke: var(--c); stroke-width: 3.2; opacity: 0.55 }
        .cut { stroke: var(--quiet); stroke-dasharray: 2 3 }
        .k0 { --c: var(--k0) } .k1 { --c: var(--k1) } .k2 { --c: var(--k2) } .k3 { --c: var(--k3) }
        .k4 { --c: var(--k4) } .k5 { --c: var(--k5) } .k6 { --c: var(--k6) } .k7 { --c: var(--k7) }
        ul.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 0.15rem 1.2rem; padding: 0.4rem 0;
          margin: 0.5rem 0; font-size: 0.875rem }
        @media screen and (min-width: 60rem) and (min-height: 36rem) {
        ul.legend { position: sticky; top: 0; z-index: 2; background: var(--ground);
          border-bottom: 1px solid var(--grid) }
        html { scroll-padding-top: 5rem }
        }
        ul.legend svg { vertical-align: -0.2em; margin-right: 0.4em; overflow: visible }
        .row { display: flex; flex-wrap: wrap; gap: 0.5rem 1.75rem; align-items: flex-start }
        .heat td { text-align: center; min-width: 2.9rem; padding: 0.25rem 0.3rem }
        .heat thead th { text-align: center; font-weight: 500 } .heat thead th.left { text-align: left }
        .t0 { --c: var(--k0) } .t1 { --c: var(--k3) } .t2 { --c: var(--k7) } .t3 { --c: var(--k5) }
        .span { stroke: var(--c); stroke-width: 0.5 } .ink { stroke: var(--ground); stroke-width: 1.4; opacity: 0.6 }
        table.words td { text-align: left }

        @media screen and (max-width: 64rem) { thead th { white-space: normal; line-height: 1.3 } }
        @media screen and (max-width: 40rem) {
        th, td { padding: 0.2rem 0.45rem } table { font-size: 0.8125rem } .lead { font-size: 1.03rem }
        th[scope=row] { white-space: normal; min-width: 6.6rem; max-width: 9rem; line-height: 1.3 }
        .heat th[scope=row] { min-width: 0 }
        th.key { --first: 5.6rem } .two th.key + th.key { min-width: 5.6rem; max-width: 5.6rem }
        table.answers { table-layout: fixed; width: 100% } .answers td span { display: block }
        .answers th, .answers td { padding: 0.2rem 0.25rem; white-space: normal; line-height: 1.3 }
        .answers th[scope=row] { min-width: 0 }
        details { padding-left: 0.6rem }
        }

        """ + letters + heats + print

    /// In a picture that grows, letters that do not.
    private static let letters =
        ChartLetters.rules(
            for: "svg.chart", width: ChartPlot.width, widest: 768, query: "@container chart")
        + ChartLetters.rules(
            for: ".wide svg.chart", width: TimeSection.width, widest: 1_344,
            query: "@container wide")

    /// Ten steps of shade for counts, for more and for less.
    private static let heats = (1...9).map { step in
        """
        .h\(step) { background: rgb(var(--heat) / \(step * 7)%) }
        .m\(step) { background: rgb(var(--more) / \(step * 7)%) }
        .l\(step) { background: rgb(var(--less) / \(step * 7)%) }

        """
    }.joined()

    private static let print = """
        @media print {
        body { max-width: none; font-size: 10.5pt; padding: 0 }
        nav { display: none } figure, tr { break-inside: avoid } h2, h3 { break-after: avoid }
        .scroll { overflow: visible; background: none } .heat { break-inside: avoid }
        th.key, tr.group span, caption span { position: static } .wide svg.chart { min-width: 0 }
        table, caption { font-size: 7.5pt } th, td { padding: 1pt 4pt } thead th { white-space: normal }
        details::details-content { content-visibility: visible; display: block }
        td, rect, .bar { print-color-adjust: exact; -webkit-print-color-adjust: exact }
        }
        """
}
