/* A figure: title, legend with values, a uPlot chart that the keyboard can walk, and its table.
 * Charts are made when they come into view, and drawn again only while they are in it. */

import uPlot from "uplot";
import { el, setText, tableBehind, thinned } from "dom";
import { largest } from "model";
import { colour, labelEnd, markEvents, onColours, shadeWarmup } from "paint";
import { quantity, seconds, ticks } from "units";

const FONT = "12px system-ui, sans-serif";
const byPlot = new WeakMap();
const built = new Set();

onColours(() => built.forEach((chart) => chart.plot.redraw()));

const inView = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
        const chart = byPlot.get(target);
        chart.visible = isIntersecting;
        chart.refresh();
    }
}, { rootMargin: "200px" });

/* On paper all is in view. */
addEventListener("beforeprint", () => document.querySelectorAll(".plot").forEach((box) => {
    const chart = byPlot.get(box);
    chart.visible = true;
    chart.refresh();
}));

const resized = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
        const { plot, spec } = byPlot.get(target);
        if (plot && contentRect.width > 0 && contentRect.width !== plot.width) {
            plot.setSize({ width: contentRect.width, height: spec.height });
        }
    }
});

function stack(columns) {
    let below = columns[0].map(() => 0);
    const on = (v, i) => (v === null ? null : v + below[i]);
    return columns.map((column) => (below = column.map(on)));
}

function swatch({ colour: name, fill, dash, mark }) {
    const kind = mark ? `mark ${mark}` : fill ? "area" : dash ? "line dashed" : "line";
    const key = el("span", { class: `key ${kind}`, "aria-hidden": "true" });
    key.style.setProperty("--key", `var(--${fill ?? name})`);
    return key;
}

/* spec: title, note, unit, height, small;
 *   series: [{label: text or function, colour, width, dash, fill, stepped, points, spanGaps,
 *             direct: its label stands at its end too, quiet: not in the legend, mark}];
 *   data(): [x, a column for each series]; stacked; yMax();
 *   bands: [{series: [above, below], fill}]: under what comes after `above`;
 *   x: {name, at, text, ticks, range}: what is other than of time;
 *   sync: the key of charts that share a cursor; onCursor(sample); summary(): for aria-label;
 *   under(u), over(u): what else is painted. */
export class Chart {
    constructor(spec) {
        this.spec = { height: 260, x: {}, ...spec };
        this.box = el("div", { class: "plot", tabindex: spec.small ? -1 : 0, role: "group",
            "aria-roledescription": "chart", keydown: (event) => this.key(event),
            blur: () => this.leave() });
        this.box.style.height = `${this.spec.height}px`;
        this.legend = el("div", { class: "legend" });
        this.keys = this.spec.series.map((series) => (series.quiet ? null
            : { name: el("span"), value: el("b") }));
        this.at = el("span", { class: "at" });
        this.legend.append(this.at, ...this.keys.flatMap((key, i) => (key === null ? []
            : [el("span", {}, swatch(this.spec.series[i]), key.name, " ", key.value)])));
        this.root = el("figure", { class: spec.small ? "small" : null },
            el("figcaption", {}, el("h4", {}, spec.title),
                spec.note ? el("p", {}, spec.note) : null),
            this.legend, this.box, spec.small ? null : tableBehind("Table", () => this.table()));
        byPlot.set(this.box, this);
        inView.observe(this.box);
        resized.observe(this.box);
    }

    update() {
        this.stale = true;
        this.refresh();
    }

    refresh() {
        if (!this.visible || (this.plot && !this.stale)) {
            return;
        }
        this.stale = false;
        this.data = this.spec.data();
        const [x, ...columns] = this.data;
        const drawn = [x, ...(this.spec.stacked ? stack(columns) : columns)];
        if (this.plot) {
            this.plot.setData(drawn);
            /* Later: uPlot sets scales in microtasks, those of all charts that share the cursor. */
            requestAnimationFrame(() => this.stay());
        } else {
            this.plot = new uPlot(this.options(), drawn, this.box);
            built.add(this);
        }
        this.say();
        this.box.setAttribute("aria-label", `${this.spec.title}. ${this.spec.summary?.() ?? ""} ` +
            "Left and right arrow keys read values.");
    }

    options() {
        const { spec } = this;
        const headroom = spec.small ? 1.08 : 1.15; /* For labels. */
        const least = spec.unit === "count" ? 4 : 0; /* So that ticks are whole. */
        const grid = { stroke: () => colour("grid"), width: 1 };
        const axis = { font: FONT, stroke: () => colour("quiet"), grid, ticks: { show: false } };
        const xAxis = { ...axis, grid: { show: false }, size: 22, gap: 6,
            space: spec.small ? 44 : 64,
            values: (u, splits) => spec.x.ticks?.(splits) ?? splits.map(seconds) };
        return {
            width: this.box.clientWidth, height: spec.height, legend: { show: false },
            padding: [spec.small ? 8 : 12, 20, 0, 0],
            cursor: { y: false, points: { show: false }, drag: { x: false, y: false },
                sync: spec.sync ? { key: spec.sync, scales: ["x", null] } : undefined },
            scales: {
                x: { time: false, range: (u, min, max) => spec.x.range?.(min, max) ??
                    [min ?? 0, Math.max(max ?? 0, (min ?? 0) + 5)] },
                y: { range: (u, min, max) =>
                    [0, Math.max((spec.yMax?.() ?? max ?? 0) * headroom, least) || 1] },
            },
            axes: [xAxis, { ...axis, size: spec.small ? 58 : 64, gap: 4,
                space: spec.small ? 26 : 36, values: (u, splits) => ticks(splits, spec.unit) }],
            series: [{}, ...spec.series.map((series) => this.line(series))],
            bands: this.bands(),
            hooks: { setCursor: [() => this.say()], drawAxes: [(u) => spec.under?.(u)],
                draw: [(u) => { this.directLabels(u); spec.over?.(u); }] },
        };
    }

    bands() {
        const { series, stacked, bands = [] } = this.spec;
        const all = stacked ? series.map(({ fill }, i) => ({ series: [i + 1, i], fill })).slice(1)
            : bands;
        return all.map((band) => ({ series: band.series, fill: () => colour(band.fill) }));
    }

    line({ colour: name, width = 1.5, dash, fill, stepped, points = false, spanGaps }) {
        return { stroke: name && (() => colour(name)), fill: fill && (() => colour(fill)),
            width: name ? width : 0, dash, spanGaps, points: points ? { size: 5 } : { show: false },
            paths: stepped ? uPlot.paths.stepped({ align: 1 }) : undefined };
    }

    directLabels(u) {
        this.spec.series.forEach((series, i) => {
            const column = u.data[i + 1];
            const last = column.findLastIndex((v) => v !== null);
            if (series.direct && last >= 0) {
                labelEnd(u, labelOf(series), u.valToPos(u.data[0][last], "x"),
                    u.valToPos(column[last], "y"), series.colour, series.direct === "below");
            }
        });
    }

    /* The sample that the cursor is on, or the last. */
    say() {
        const [x, ...columns] = this.data;
        const i = this.plot?.cursor.idx ?? x.length - 1;
        columns.forEach((column, k) => {
            if (this.keys[k]) {
                setText(this.keys[k].name, labelOf(this.spec.series[k]));
                setText(this.keys[k].value, quantity(column[i], this.spec.unit));
            }
        });
        const text = this.spec.x.text ?? seconds;
        setText(this.at, x.length ? `${this.spec.x.at ?? "at"} ${text(x[i])}` : "");
        this.spec.onCursor?.(i);
    }

    /* The cursor to a sample; away, if there is no such. */
    move(i) {
        const x = this.data[0][i];
        const left = x === undefined ? -10 : this.plot.valToPos(x, "x");
        this.plot.setCursor({ left, top: x === undefined ? -10 : 1 }, true, true);
    }

    /* Where the keyboard has gone, also when the samples have moved on. */
    stay() {
        if (this.walked !== undefined) {
            this.move(this.data[0].indexOf(this.walked));
        }
    }

    key(event) {
        const last = (this.data?.[0].length ?? 0) - 1;
        const now = this.plot?.cursor.idx ?? last + (event.key === "ArrowLeft" ? 0 : 1);
        const to = { ArrowLeft: now - 1, ArrowRight: now + 1, PageUp: now - 10, PageDown: now + 10,
            Home: 0, End: last }[event.key];
        if (event.key === "Escape") {
            this.leave();
        } else if (to !== undefined && last >= 0 && !event.ctrlKey && !event.altKey) {
            event.preventDefault();
            const i = Math.min(Math.max(to, 0), last);
            this.legend.setAttribute("aria-live", "polite");
            this.walked = this.data[0][i];
            this.move(i);
        }
    }

    leave() {
        this.legend.removeAttribute("aria-live");
        this.walked = undefined;
        if (this.plot) {
            this.move(-1);
        }
    }

    table() {
        const [x, ...columns] = this.spec.data();
        const text = this.spec.x.text ?? seconds;
        const { series } = this.spec;
        const shown = [...columns.keys()].filter((k) => series[k].label)
            .sort((a, b) => (series[a].quiet ?? false) - (series[b].quiet ?? false));
        const rows = thinned(x.length).map((i) =>
            [text(x[i]), ...shown.map((k) => quantity(columns[k][i], this.spec.unit))]);
        return { caption: this.spec.title, rows,
            head: [this.spec.x.name ?? "Time", ...shown.map((k) => labelOf(series[k]))] };
    }
}

const labelOf = ({ label }) => (typeof label === "function" ? label() : label);

/* What every chart over the time of a run has. */
export const overTime = (run, spec) => new Chart({
    ...spec,
    sync: run.name,
    under: (u) => shadeWarmup(u, run, !spec.small),
    over: (u) => markEvents(u, run, !spec.small),
});

export const highest = (columns) => largest(columns.flat());
