/* The charts of one run. */

import { highest, overTime } from "charts";
import { el, setText, tableBehind, thinned } from "dom";
import { LANES, largest } from "model";
import { pair, plural, quantity, seconds } from "units";

const averaged = (run) => `averaged over ${run.window} s`;

/* One small chart a node. A cap far above what any node does would flatten them all: cut off. */
export function throughput(run) {
    const capped = run.has("rate_in");
    const yMax = () => run.once("highest throughput", () => {
        const rate = highest(run.throughputs());
        const cap = highest(run.columns("rate_in"));
        return rate ? Math.max(rate, Math.min(cap, 2.5 * rate)) : cap;
    });
    const charts = run.nodes.map((node, k) => small(run, k, yMax));
    const grid = el("div", { class: "multiples", role: "group",
        "aria-label": "Nodes: up and down arrow keys go from one to the next",
        keydown: (event) => walk(event, charts) }, ...charts.map((chart) => chart.root));
    charts[0]?.box.setAttribute("tabindex", 0);
    const table = tableBehind("Table", () => ({
        caption: `Throughput of each node${capped ? " of its cap" : ""}`,
        head: ["Time", ...run.nodes.map(({ id }) => `Node ${id}`)],
        rows: thinned(run.t.length).map((i) =>
            [seconds(run.t[i]), ...run.nodes.map((_, k) => valueAt(run, k, i))]),
    }));
    const note = el("p", { class: "note" });
    const update = () => {
        setText(note, `Bytes confirmed per second, ${averaged(run)}. ` +
            (capped ? "Grey: what its link lets in, its cap. " : "") + "All on one scale" +
            (highest(run.columns("rate_in")) > yMax() ? "; caps above it are cut off." : "."));
        charts.forEach((chart) => chart.update());
    };
    const title = el("h3", {}, "Throughput of each node");
    return { root: el("section", {}, title, note, grid, table), update };
}

const valueAt = (run, k, i) => pair(run.rate("confirmed_bytes", k)[i] ?? null,
    run.column("rate_in", k)[i] ?? null, "B/s");

function small(run, k, yMax) {
    const id = run.nodes[k].id;
    const value = el("span", { class: "now" });
    const chart = overTime(run, {
        title: `Node ${id}`, unit: "B/s", height: 108, small: true, yMax,
        series: [
            { label: "cap", fill: "cap", stepped: true, quiet: true },
            { label: "confirmed", colour: "agreed", quiet: true },
        ],
        data: () => [run.t, run.column("rate_in", k), run.rate("confirmed_bytes", k)],
        summary: () => `Throughput at the end: ${valueAt(run, k, run.t.length - 1)}.`,
        onCursor: (i) => setText(value, valueAt(run, k, i)),
    });
    chart.legend.replaceChildren(value);
    return chart;
}

/* One stop of the tab key for all nodes; up and down move within. */
function walk(event, charts) {
    const from = charts.findIndex((chart) => chart.box === event.target);
    const to = charts[from + { ArrowUp: -1, ArrowDown: 1 }[event.key]];
    if (from >= 0 && to) {
        event.preventDefault();
        charts[from].box.setAttribute("tabindex", -1);
        to.box.setAttribute("tabindex", 0);
        to.box.focus();
    }
}

/* How far the nodes are: the story of this ledger. */
export function story(run) {
    const agreed = run.furthest.at(-1) ?? null;
    const k = run.slowest;
    if (agreed === null || k === null) {
        return "No node has answered yet.";
    }
    const behind = run.behind(k).at(-1);
    const bytes = run.latest("lag_bytes", k);
    const until = `The nodes have agreed up to epoch ${quantity(agreed, "count")}`;
    return behind === 0 ? `${until}, and all have executed it.`
        : `${until}; node ${run.nodes[k].id} has executed least, up to epoch ` +
            `${quantity(run.executed(k), "count")}: it is ${plural(behind, "epoch")}` +
            `${bytes === null ? "" : ` (${quantity(bytes, "B")})`} behind.`;
}

const slowestName = (run) => (run.slowest === null ? "slowest node"
    : `node ${run.nodes[run.slowest].id} (${run.behind(run.slowest).at(-1) > 0 ? "slowest" : "was slowest"})`);

const nodeLines = (run) => run.nodes.map(({ id }) =>
    ({ label: `Node ${id}`, colour: "other", width: 1, quiet: true }));

const SLOWEST = { colour: "slowest", width: 2, dash: [7, 3] };

export function progress(run) {
    const ofSlowest = (of) => (run.slowest === null ? run.t.map(() => null) : of(run.slowest));
    const text = el("p", { class: "story" });
    const epochs = overTime(run, {
        title: "Epochs agreed and executed", unit: "count",
        note: "Agreement runs ahead; each node executes at the pace of its own link. Shaded: " +
            "what the slowest has still to execute. A thin line is a node.",
        series: [{ quiet: true }, { quiet: true }, /* The edges of the shade. */
            ...nodeLines(run),
            { label: "agreed", colour: "agreed", width: 2.5, direct: "above" },
            { label: () => slowestName(run), ...SLOWEST, direct: "below" },
        ],
        bands: [{ series: [1, 2], fill: "gap" }],
        data: () => [run.t, run.furthest, ofSlowest((k) => run.held("epoch_executed", k)),
            ...run.columns("epoch_executed"), run.furthest,
            ofSlowest((k) => run.column("epoch_executed", k))],
        summary: () => story(run),
    });
    const behind = overTime(run, {
        title: "Epochs behind what is agreed", unit: "count",
        note: "How far each node's execution is behind.",
        series: [...nodeLines(run),
            { label: () => slowestName(run), ...SLOWEST, direct: "above" }],
        data: () => [run.t, ...run.nodes.map((_, k) => run.behind(k)),
            ofSlowest((k) => run.behind(k))],
        summary: () => story(run),
    });
    return {
        root: el("section", {}, el("h3", {}, "Agreement and execution"), text,
            el("div", { class: "pair" }, epochs.root, behind.root)),
        update: () => {
            setText(text, story(run));
            epochs.update();
            behind.update();
        },
    };
}

const DASHES = { votes: [2, 2], dispersal: [8, 3], clients: [8, 3, 2, 3] };

/* Traffic by lane and latency, of the nodes that a select names. */
export function traffic(run) {
    let node = null;
    const charts = [];
    const ways = [["rx", "Received"], ["tx", "Sent"]].map(([way, title]) => [way, title,
        LANES.filter((lane) => run.has(`${way}_${lane}`))]).filter(([, , lanes]) => lanes.length);
    const columns = (way, lanes) => lanes.map((lane) => run.traffic(way, lane, node));
    const yMax = () =>
        largest(ways.map(([way, , lanes]) => stackedHighest(columns(way, lanes))));
    for (const [way, title, lanes] of ways) {
        charts.push(overTime(run, {
            title: `${title}, by lane`, unit: "B/s", stacked: true, yMax,
            note: "The lanes stand on one another.",
            series: lanes.map((lane) =>
                ({ label: lane, colour: lane, fill: `${lane}-area`, dash: DASHES[lane] })),
            data: () => [run.t, ...columns(way, lanes)],
            summary: () => (node === null ? "All nodes together." : `Node ${run.nodes[node].id}.`),
        }));
    }
    if (run.live ? run.fields.latency_p50_ms : run.has("latency_p50_ms")) {
        charts.push(latency(run, () => node));
    }
    const note = el("p", { class: "note" });
    const update = () => {
        setText(note, `Bytes per second are ${averaged(run)}.`);
        charts.forEach((chart) => chart.update());
    };
    const choose = (event) => {
        node = event.target.value === "" ? null : Number(event.target.value);
        update();
    };
    const select = el("select", { change: choose }, el("option", { value: "" }, "all nodes"),
        ...run.nodes.map(({ id }, k) => el("option", { value: k }, `node ${id}`)));
    return {
        root: el("section", { hidden: charts.length === 0 }, el("h3", {}, "Traffic and latency"),
            el("label", { class: "choice" }, "Show ", select), note,
            el("div", { class: "pair" }, ...charts.map((chart) => chart.root))),
        update,
    };
}

const stackedHighest = (columns) =>
    largest(columns[0].map((_, i) => columns.reduce((total, column) => total + column[i], 0)));

function latency(run, node) {
    return overTime(run, {
        title: "Latency", unit: "ms",
        note: "From when a node took in a transaction to when it executed it. For all nodes: " +
            "the median of the nodes.",
        series: [
            { label: "p95", colour: "slowest", dash: [7, 3], points: true, direct: "above" },
            { label: "p50", colour: "agreed", points: true, direct: "below" },
        ],
        data: () => [run.t, run.latency("p95", node()), run.latency("p50", node())],
        summary: () => (node() === null ? "Median of the nodes." : `Node ${run.nodes[node()].id}.`),
    });
}
