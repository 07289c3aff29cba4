/* Several runs beside one another: a mark for each node and run, and latency against load. */

import { Chart } from "charts";
import { el, table } from "dom";
import { mean, median } from "model";
import { colour, paint } from "paint";
import { quantity, ticks } from "units";
import { warnings } from "run";

const MARKS = ["disc", "square", "triangle", "diamond"];
const COLOURS = ["agreed", "slowest", "run3", "run4", "run5", "run6"];
const style = (i) => ({ mark: MARKS[i % MARKS.length], colour: COLOURS[i % COLOURS.length] });

function outline(ctx, mark, x, y, r) {
    ctx.beginPath();
    if (mark === "disc") {
        ctx.arc(x, y, r, 0, 2 * Math.PI);
    } else if (mark === "square") {
        ctx.rect(x - r * 0.9, y - r * 0.9, 1.8 * r, 1.8 * r);
    } else {
        const corners = mark === "triangle" ? [[0, -1.1], [1.1, 0.9], [-1.1, 0.9]]
            : [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]];
        corners.forEach(([dx, dy]) => ctx.lineTo(x + dx * r, y + dy * r));
    }
    ctx.fill();
}

/* Runs stand side by side at their node, as wide as nodes are apart. */
function paintMarks(u, count, caps) {
    const room = u.valToPos(1, "x") - u.valToPos(0, "x");
    const step = Math.min(11, (0.8 * room) / count);
    const each = (column, aside, mark) => u.data[column].forEach((value, k) => {
        if (value !== null) {
            mark(u.valToPos(u.data[0][k], "x") + aside, u.valToPos(value, "y"));
        }
    });
    paint(u, (ctx) => {
        for (let i = 0; i < count; i++) {
            const aside = (i - (count - 1) / 2) * step;
            const { mark, colour: name } = style(i);
            ctx.fillStyle = colour("quiet");
            if (caps) {
                each(1 + count + i, aside, (x, y) => ctx.fillRect(x - 5, y - 1, 10, 2));
            }
            ctx.fillStyle = colour(name);
            each(1 + i, aside, (x, y) => outline(ctx, mark, x, y, 4));
        }
    });
}

/* value(run, node) as a mark, and cap(run, node), if given, as a tick. */
function byNode(runs, { title, note, unit, value, cap, yMax }) {
    const most = Math.max(...runs.map((run) => run.nodes.length));
    const x = Array.from({ length: most }, (_, k) => k);
    const columns = (of) =>
        runs.map((run) => x.map((k) => (run.nodes[k] ? of(run, k) : null)));
    return new Chart({
        title, note, unit, yMax, height: 280,
        series: [...runs.map((run, i) => ({ label: run.name, ...style(i), width: 0 })),
            ...(cap ? runs.map((run) => ({ label: `cap, ${run.name}`, mark: "tick", width: 0,
                colour: "quiet", quiet: runs.length > 2 })) : [])],
        data: () => [x, ...columns(value), ...(cap ? columns(cap) : [])],
        x: { name: "Node", at: "node", text: String, range: () => [-0.6, most - 0.4],
            ticks: (splits) => splits.map((k) => (Number.isInteger(k) ? k : "")) },
        over: (u) => paintMarks(u, runs.length, Boolean(cap)),
        summary: () => runs.map((run) => `${run.name}: mean ${quantity(
            mean(run.nodes.map((_, k) => value(run, k))), unit)}.`).join(" "),
    });
}

const latencyOf = (run, percentile) =>
    median(run.nodes.map((node) => node.latency_ms?.[percentile]));
const loadOf = (run) => mean(run.nodes.map((node) => node.load_bytes_s));

/* A line a mode, p50 and p95, from run to run as their load grows. */
function latencyByLoad(runs) {
    const points = runs.map((run) => ({ mode: run.about.mode ?? run.name, load: loadOf(run),
        p50: latencyOf(run, "p50"), p95: latencyOf(run, "p95") }))
        .filter(({ load, p50 }) => load !== null && p50 !== null)
        .sort((a, b) => a.load - b.load);
    const modes = [...new Set(points.map(({ mode }) => mode))];
    const loads = [...new Set(points.map(({ load }) => load))];
    const column = (mode, percentile) => loads.map((load) =>
        points.find((p) => p.mode === mode && p.load === load)?.[percentile] ?? null);
    const line = (mode, i, percentile, dash) => ({ label: `${mode} ${percentile}`, dash,
        colour: style(i).colour, points: true, spanGaps: true, direct: dash ? "above" : "below" });
    return points.length < 2 ? null : new Chart({
        title: "Latency against load", unit: "ms", height: 280,
        note: "Load: what each node was given, mean of the nodes. Latency of a node's own " +
            "transactions: median of the nodes.",
        series: modes.flatMap((mode, i) => [line(mode, i, "p95", [7, 3]), line(mode, i, "p50")]),
        data: () => [loads, ...modes.flatMap((mode) => [column(mode, "p95"), column(mode, "p50")])],
        x: { name: "Load", at: "at a load of", text: (load) => quantity(load, "B/s"),
            ticks: (splits) => ticks(splits, "B/s"), range: (min, max) => [0, max * 1.1] },
    });
}

function overview(runs) {
    return table("Runs", ["Run", "Mode", "Confirmed, mean of the nodes", "Caps, mean",
        "Agreed epochs", "Executed by the slowest", "Latency p50", "p95", "To note"],
    runs.map((run) => [
        run.name, run.about.mode ?? "–",
        quantity(mean(run.nodes.map((_, k) => run.confirmed(k))), "B/s"),
        quantity(mean(run.nodes.map((_, k) => run.cap(k))), "B/s"),
        quantity(run.furthest.at(-1), "count"),
        quantity(run.executed(run.slowest), "count"),
        quantity(latencyOf(run, "p50"), "ms"), quantity(latencyOf(run, "p95"), "ms"),
        warnings(run).map(([word]) => word).join(", ") || "–",
    ]));
}

export function comparison(runs) {
    const charts = [
        byNode(runs, { title: "Confirmed at each node, against its cap", unit: "B/s",
            note: "Mean of the measured part. A tick: the mean of what the node's link lets in.",
            value: (run, k) => run.confirmed(k), cap: (run, k) => run.cap(k) }),
        byNode(runs, { title: "Executed of what was agreed, at the end", unit: "ratio",
            note: "Epochs that each node has executed, as a share of the epochs agreed.",
            value: (run, k) => {
                const executed = run.executed(k);
                return executed === null ? null : executed / (run.furthest.at(-1) || 1);
            },
            yMax: () => 1 }),
        latencyByLoad(runs),
    ].filter((chart) => chart !== null);
    return el("section", { class: "compare" }, el("h2", {}, "Runs compared"), overview(runs),
        el("div", { class: "pair" }, ...charts.map((chart) => chart.root)));
}
