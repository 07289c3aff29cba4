/* The section of one run: what was run, how it stands, its nodes, its charts. */

import { el, setText, table, tableBehind } from "dom";
import { mean, recent } from "model";
import { progress, throughput, traffic } from "plots";
import { quantity, seconds } from "units";

const yesNo = (value) => (typeof value === "boolean" ? (value ? "yes" : "no") : null);
const size = (value, unit) => (typeof value === "number" ? quantity(value, unit) : null);

function facts({ about }) {
    return [
        ["Scenario", about.scenario], ["Mode", about.mode], ["Retrieval", about.retrieval],
        ["Application", about.application],
        ["Nodes", about.n && `${about.n}, of which ${about.f ?? "?"} may be faulty`],
        ["Seed", about.seed], ["Scale", about.scale],
        ["Blocks up to", size(about.block_bytes || null, "B")], ["Data on", about.data],
        ["Links shaped", yesNo(about.shaped)],
        ["Warm-up", size(about.warmup_s, "s")], ["Measured", size(about.measured_s, "s")],
        ["Ledgers equal", yesNo(about.ledgers_equal)],
        ["Busiest core", size(about.cpu_busy_max, "ratio")],
        ["Versions", about.versions?.join("; ")], ["Machine", about.machine],
    ].filter(([, value]) => value !== undefined && value !== null && value !== "");
}

/* What must not be overlooked. */
export function warnings(run) {
    const { about, complete } = run;
    return [
        about.ledgers_equal === false && ["Ledgers differ",
            "at the end not all nodes had executed the same: this must not be."],
        !complete && !run.live && ["Aborted", "this run did not come to its end: no summary."],
        about.cpu_limited && ["Limited by CPU",
            "a core was too busy; what is measured here says nothing about links."],
    ].filter(Boolean);
}

function standing(run) {
    const up = run.nodes.filter((_, k) => !run.down(k)).length;
    const rates = run.throughputs().filter((_, k) => !run.down(k)).map(recent);
    return [
        ["Nodes up", `${up} of ${run.nodes.length}`],
        ["Epochs agreed", quantity(run.furthest.at(-1), "count")],
        ["Slowest node behind, epochs",
            quantity(run.slowest === null ? null : run.behind(run.slowest).at(-1), "count")],
        ["Confirmed, mean of those up", quantity(mean(rates), "B/s")],
    ];
}

const SHAPES = { current: "disc", "catching up": "half", waiting: "ring", down: "cross" };

function suspicion(run, k) {
    const accusers = run.latest("accusers", k) ?? 0;
    const f = run.about.f ?? Math.floor((run.nodes.length - 1) / 3);
    return accusers > f ? `⚠ lying: ${accusers} accuse it`
        : accusers > 0 ? `${accusers} accuse it` : "no";
}

/* Columns of the table of nodes: heading, field it needs (null: none), text. */
const COLUMNS = [
    ["State", null, (run, k) => run.state(k)],
    ["Epochs behind", "epoch_executed", (run, k) => quantity(run.behind(k).at(-1), "count")],
    ["Bytes behind", "lag_bytes", (run, k) => quantity(run.latest("lag_bytes", k), "B")],
    ["Suspected", "accusers", suspicion],
    ["Peers", "peers", (run, k) => {
        const peers = run.latest("peers", k);
        return peers === null ? "–" : `${peers} of ${run.nodes.length - 1}`;
    }],
    ["Throughput", "confirmed_bytes", (run, k) =>
        quantity(recent(run.rate("confirmed_bytes", k)), "B/s")],
    ["Cap", "rate_in", (run, k) => quantity(run.column("rate_in", k).at(-1), "B/s")],
    ["Memory", "rss_bytes", (run, k) => quantity(run.latest("rss_bytes", k), "B")],
    ["Address", null, (run, k) => run.nodes[k].address ?? "–"],
];

function nodeTable(run) {
    const columns = COLUMNS.filter(([head, field]) => (field === null || run.fields[field]) &&
        (head !== "Address" || run.nodes.some(({ address }) => address)));
    const cells = run.nodes.map(() => columns.map(() => el("span")));
    const signs = run.nodes.map(() => el("span", { "aria-hidden": "true" }));
    const root = table("Nodes", ["Node", ...columns.map(([head]) => head)],
        run.nodes.map(({ id }, k) => [`Node ${id}`, el("span", {}, signs[k], cells[k][0]),
            ...cells[k].slice(1)]));
    root.classList.add("nodes");
    const section = el("section", {}, el("h3", {}, "Nodes"), root);
    const update = () => run.nodes.forEach((_, k) => {
        columns.forEach(([, , text], c) => {
            const now = text(run, k);
            setText(cells[k][c], now);
            cells[k][c].classList.toggle("alarm", now === "down" || now.startsWith("⚠"));
        });
        signs[k].className = `sign ${SHAPES[run.state(k)]}`;
    });
    return { root: section, update };
}

function eventTable(run) {
    const root = tableBehind("Events", () => ({
        caption: "Events", head: ["Time", "Event", "Nodes", "Detail"],
        rows: run.events.map((event) =>
            [seconds(event.t), event.kind, event.nodes || "–", event.detail || "–"]),
    }));
    return { root, update: () => (root.hidden = run.events.length === 0) };
}

/* A part that is made of texts, again only when they change. */
function texts(root, of, make) {
    let before = null;
    const update = () => {
        const now = of();
        if (JSON.stringify(now) !== before) {
            root.replaceChildren(...now.map(make));
            before = JSON.stringify(now);
        }
    };
    return { root, update };
}

const term = ([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value));

const alerts = (run) => texts(el("div"), () => warnings(run), ([word, why]) =>
    el("p", { class: "alert" }, el("strong", {}, `⚠ ${word}`), `: ${why}`));

const about = (run) => texts(el("dl", { class: "facts" }), () => facts(run), term);

const tiles = (run) => texts(el("dl", { class: "tiles" }), () => (run.figures.length
    ? run.figures.map(({ label, value, unit }) => [label, quantity(value, unit)])
    : standing(run)), term);

/* {root, update}: of a run that has a heading already. */
export function runSection(run) {
    const parts = [alerts, about, tiles, nodeTable, eventTable, progress, throughput, traffic]
        .map((part) => part(run));
    const update = () => parts.forEach((part) => part.update());
    update();
    return { root: el("div", { class: "run" }, ...parts.map((part) => part.root)), update };
}
