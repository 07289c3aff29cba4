#!/bin/bash
# The README's table of experiments, from what testnet/results.csv keeps of them: medians of the runs
# of one kind, and a dash where there is none.
# usage: testnet/figures.sh README      (make figures)
set -eu
readme=$1
[ -f "$readme" ] || { echo "figures: there is no file $readme" >&2; exit 1; }
[ -s testnet/results.csv ] || { echo 'figures: none are kept yet; make paper keeps them' >&2; exit 1; }
table=$(awk -F, '
    NR == 1 {
        for (k = 1; k <= NF; k++) column[$k] = k
        next
    }
    {
        kind = $column["run"]
        sub(/-[0-9]+$/, "", kind)
        of[kind, ++runs[kind]] = $0
        if (min == "" || $1 < min) min = $1
        if ($1 > max) max = $1
    }
    # The median of a column over the runs of a kind; "" if there is none.
    function figure(kind, name,   k, j, v, sorted, part) {
        for (k = 1; k <= runs[kind]; k++) {
            split(of[kind, k], part, ",")
            v = part[column[name]] + 0
            for (j = k - 1; j > 0 && sorted[j] > v; j--) sorted[j + 1] = sorted[j]
            sorted[j + 1] = v
        }
        k = runs[kind]
        return k == 0 ? "" : k % 2 ? sorted[(k + 1) / 2] : (sorted[k / 2] + sorted[k / 2 + 1]) / 2
    }
    function better(a, b) { return a == "" || b != "" && b > a ? b : a }
    function over(a, b) { return a == "" || b == "" || b == 0 ? "" : a / b }
    function loss(a, b) { return over(a, b) == "" ? "" : 100 * (1 - over(a, b)) }
    function show(form, v) { return v == "" ? "–" : sprintf(form, v) }
    # Whether in a run of one of these kinds a core was busy for so long that links were not alone.
    function marked(kinds,   k, j, name, part) {
        for (k = split(kinds, name, " "); k > 0; k--)
            for (j = 1; j <= runs[name[k]]; j++) {
                split(of[name[k], j], part, ",")
                if (part[column["busy_max"]] > 0.85) return any_marked = " \\*"
            }
        return ""
    }
    function row(what, a, b, kinds) { printf "| %s | %s%s | %s |\n", what, a, marked(kinds), b }
    END {
        print "| | here | the prototype |"
        print "| --- | --- | --- |"
        row("spatial, 16 nodes: confirmed of the link, mean (least)", \
            show("%.2f", figure("spatial-dl", "of_rate")) " (" show("%.2f", figure("spatial-dl", "least_of_rate")) ")", "0.46 (0.44)", "spatial-dl")
        row("application bytes received for each confirmed there", \
            show("%.2f", figure("spatial-dl", "received_over_confirmed")), "1.9", "spatial-dl")
        confirmed = figure("spatial-dl", "confirmed")
        hb = better(figure("spatial-hb", "confirmed"), figure("spatial-hb-8MB", "confirmed"))
        link = better(figure("spatial-hb-link", "confirmed"), figure("spatial-hb-link-8MB", "confirmed"))
        row("`dl` over `hb`, `hb-link` there", show("%.2f", over(confirmed, hb)) ", " show("%.2f", over(confirmed, link)), "1.61, 1.17", \
            "spatial-dl spatial-hb spatial-hb-8MB spatial-hb-link spatial-hb-link-8MB")
        confirmed = figure("spatial-dl-all", "confirmed")
        row("the same with `retrieval = all`, as the prototype: `dl` of the link; received for each confirmed; over `hb`, `hb-link`", \
            show("%.2f", figure("spatial-dl-all", "of_rate")) "; " show("%.2f", figure("spatial-dl-all", "received_over_confirmed")) "; " \
            show("%.2f", over(confirmed, figure("spatial-hb-8MB-all", "confirmed"))) ", " \
            show("%.2f", over(confirmed, figure("spatial-hb-link-8MB-all", "confirmed"))), "0.46; 1.9; 1.61, 1.17", \
            "spatial-dl-all spatial-hb-8MB-all spatial-hb-link-8MB-all")
        fixed = figure("temporal-dl-fixed", "of_rate")
        row("temporal, 600 s: lost against fixed rates (ordering up to 60 s ahead)", \
            show("%.0f %%", loss(figure("temporal-dl", "of_rate"), fixed)) " (" \
            show("%.0f %%", loss(figure("temporal-dl-lag60s", "of_rate"), fixed)) ")", "6 %", \
            "temporal-dl temporal-dl-lag60s temporal-dl-fixed")
        row("temporal, correlation 0.9", show("%.0f %%", loss(figure("temporal-fast-dl", "of_rate"), fixed)), "", \
            "temporal-fast-dl temporal-dl-fixed")
        confirmed = figure("bursty-dl", "confirmed")
        hb = better(figure("bursty-hb", "confirmed"), figure("bursty-hb-8MB", "confirmed"))
        link = better(figure("bursty-hb-link", "confirmed"), figure("bursty-hb-link-8MB", "confirmed"))
        row("bursty: `dl` over `hb`, `hb-link`", show("%.2f", over(confirmed, hb)) ", " show("%.2f", over(confirmed, link)), "", \
            "bursty-dl bursty-hb bursty-hb-8MB bursty-hb-link bursty-hb-link-8MB")
        confirmed = figure("geo-dl", "confirmed")
        row("geo: `dl` over `hb`, `hb-link`, `dl-coupled`", show("%.2f", over(confirmed, figure("geo-hb", "confirmed"))) ", " \
            show("%.2f", over(confirmed, figure("geo-hb-link", "confirmed"))) ", " \
            show("%.2f", over(confirmed, figure("geo-dl-coupled", "confirmed"))), "2.05, 1.40, 1.14", \
            "geo-dl geo-hb geo-hb-link geo-dl-coupled")
        # The others: all but the last of eight, whose own share is small.
        equal = figure("slow-node-dl-equal", "of_rate")
        slow = figure("slow-node-dl", "last_of_rate")
        others = figure("slow-node-dl", "of_rate") == "" ? "" : (8 * figure("slow-node-dl", "of_rate") - slow) / 7
        row("one of eight at a tenth: the others lose; it confirms, of its link", \
            show("%.0f %%", loss(others, equal)) "; " show("%.2f", slow), "", \
            "slow-node-dl slow-node-dl-equal")
        row("latency, 16 nodes, 100 ms one way, 10 % load: p50, p95", \
            show("%.0f", figure("latency-16-dl", "p50_ms")) ", " show("%.0f ms", figure("latency-16-dl", "p95_ms")), "728, 946 ms on AWS", \
            "latency-16-dl")
        row("the same, and 10 % load, with 7 nodes, which leave half of the cores idle", \
            show("%.0f", figure("latency-16-dl-7nodes", "p50_ms")) ", " show("%.0f ms", figure("latency-16-dl-7nodes", "p95_ms")), "", \
            "latency-16-dl-7nodes")
        row("16 nodes, 50 % load", show("%.0f", figure("latency-16-dl-half", "p50_ms")) ", " show("%.0f ms", figure("latency-16-dl-half", "p95_ms")), "", \
            "latency-16-dl-half")
        row("64 nodes over 16, of the link: blocks of up to 500 kB, links of 400 kB/s (the prototype: 1 MB, 10 MB/s)", \
            show("%.2f", over(figure("scale-64-dl-500kB", "of_rate"), figure("scale-16-dl-500kB", "of_rate"))), "0.86", "scale-64-dl-500kB scale-16-dl-500kB")
        row("the same with blocks scaled as the links, of up to 20 and 80 kB", \
            show("%.2f", over(figure("scale-64-dl", "of_rate"), figure("scale-16-dl", "of_rate"))), "", "scale-64-dl scale-16-dl")
        print ""
        if (any_marked) print "\\* In one of these runs a core was busy for over 85 % of some 5 s: it says as much of the machine as of links.\n"
        print "Runs of " min (max == min ? "" : " to " max) "; `make paper` runs them, `make figures` writes this."
    }' testnet/results.csv)
awk -v table="$table" '
    /^<!-- figures -->$/ { print; print table; skipped = 1; next }
    /^<!-- end of figures -->$/ { skipped = 0 }
    !skipped
' "$readme" >"$readme.new"
grep -q '^<!-- figures -->$' "$readme.new" || { rm "$readme.new"; echo "figures: $readme has no place for them" >&2; exit 1; }
mv "$readme.new" "$readme"
