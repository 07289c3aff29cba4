/* One run of the model: its samples, and what follows from them. Arrays of a node are as long as
 * `t`; null is where the node did not answer. */

export const LANES = ["votes", "dispersal", "retrieval", "clients"];

const KEEP = 600; /* Samples of a live run. */
const EPOCH_WINDOW = 8; /* A node that is farther behind than this calls itself catching up. */
const STATES = ["current", "catching up", "waiting"];
const ANSWERS = ["epoch_agreed", "epoch_executed", "height", "confirmed_bytes"];

const nulls = (n) => new Array(n).fill(null);
const known = (values) => values.filter((v) => v !== null && v !== undefined);

export const largest = (values) => values.reduce((a, b) => (b > a ? b : a), 0);

export function mean(values) {
    const of = known(values);
    return of.length ? of.reduce((a, b) => a + b) / of.length : null;
}

export function median(values) {
    const of = known(values).sort((a, b) => a - b);
    const half = of.length >> 1;
    return of.length === 0 ? null : of.length % 2 ? of[half] : (of[half - 1] + of[half]) / 2;
}

/* Growth of a counter a second, over the samples of the last `window` seconds that answered. */
export function slidingRate(t, counter, window) {
    let from = 0;
    return counter.map((now, i) => {
        while (from < i && (t[i] - t[from] > window || counter[from] === null)) {
            from++;
        }
        return now === null || from === i ? null : (now - counter[from]) / (t[i] - t[from]);
    });
}

/* Of each sample, what `reduce` makes of the values that there are. */
function across(columns, reduce) {
    return (columns[0] ?? []).map((_, i) => {
        const values = known(columns.map((column) => column[i]));
        return values.length ? reduce(values) : null;
    });
}

/* One answer may be late: then the one before. */
export const recent = (column) => known(column.slice(-2)).at(-1) ?? null;

const sum = (values) => values.reduce((a, b) => a + b);

export class Run {
    constructor(raw, live) {
        this.live = live;
        this.t = [];
        this.fields = {};
        this.events = [];
        this.before = {};
        this.append(raw);
    }

    append(raw) {
        const had = this.t.length;
        Object.assign(this, { name: raw.name, complete: raw.complete, nodes: raw.nodes });
        this.about = raw.about ?? {};
        this.figures = raw.figures ?? [];
        /* An event between two samples is told with both. */
        const told = this.events.at(-1)?.t ?? -Infinity;
        this.events.push(...(raw.events ?? []).filter((event) => event.t > told));
        this.t.push(...raw.t);
        for (const name of new Set([...Object.keys(this.fields), ...Object.keys(raw.fields)])) {
            const old = this.fields[name] ?? raw.nodes.map(() => nulls(had));
            this.fields[name] = old;
            old.forEach((column, node) => {
                column.push(...(raw.fields[name]?.[node] ?? nulls(raw.t.length)));
            });
        }
        if (this.live && this.t.length > KEEP) {
            this.forget(this.t.length - KEEP);
        }
        this.derived = new Map();
    }

    /* All but the last value that each node gave: it may have been down since. */
    forget(count) {
        this.t.splice(0, count);
        for (const [name, columns] of Object.entries(this.fields)) {
            this.before[name] = columns.map((column, node) =>
                column.splice(0, count).findLast((v) => v !== null) ?? this.before[name]?.[node]);
        }
        this.events = this.events.filter((event) => event.t >= this.t[0]);
    }

    /* Derived once for each state of the samples. */
    once(key, derive) {
        if (!this.derived.has(key)) {
            this.derived.set(key, derive());
        }
        return this.derived.get(key);
    }

    has(name) {
        return this.once(`has ${name}`, () => known((this.fields[name] ?? []).flat()).length > 0);
    }

    column(name, node) {
        return this.fields[name]?.[node] ?? nulls(this.t.length);
    }

    columns(name) {
        return this.nodes.map((_, node) => this.column(name, node));
    }

    get end() {
        return this.t.at(-1) ?? 0;
    }

    /* Blocks are confirmed an epoch at a time: a window of about five epochs shows a rate, a
     * shorter one would show steps. */
    get window() {
        return this.once("window", () => {
            const span = this.end - (this.t[0] ?? 0);
            const epochs = this.furthest.at(-1) - this.furthest.find((epoch) => epoch !== null);
            const step = this.t.length > 1 ? span / (this.t.length - 1) : 1;
            const wish = Math.max(5 * step, Math.min(30, epochs > 0 ? (5 * span) / epochs : 5));
            return [5, 10, 15, 20, 30].find((w) => w >= 0.95 * wish) ?? Math.ceil(wish);
        });
    }

    /* The same, for slidingRate: samples are not exactly a second apart. */
    rate(name, node) {
        return this.once(`rate ${name} ${node}`, () =>
            slidingRate(this.t, this.column(name, node), this.window + 0.5));
    }

    throughputs() {
        return this.nodes.map((_, node) => this.rate("confirmed_bytes", node));
    }

    /* Traffic of a lane, "rx" or "tx", of one node or (null) of all together. */
    traffic(way, lane, node) {
        const name = `${way}_${lane}`;
        return node !== null ? this.rate(name, node) : this.once(`all ${name}`, () =>
            across(this.nodes.map((_, k) => this.rate(name, k)), sum));
    }

    /* Of one node, or (null) the median of the nodes. */
    latency(percentile, node) {
        const name = `latency_${percentile}_ms`;
        return node !== null ? this.column(name, node)
            : this.once(name, () => across(this.columns(name), median));
    }

    /* The last value that there was. */
    held(name, node) {
        return this.once(`held ${name} ${node}`, () => {
            let last = this.before[name]?.[node] ?? null;
            return this.column(name, node).map((value) => (last = value ?? last));
        });
    }

    /* The furthest agreed epoch. */
    get furthest() {
        return this.once("furthest", () =>
            across(this.nodes.map((_, node) => this.held("epoch_agreed", node)), largest));
    }

    behind(node) {
        return this.once(`behind ${node}`, () => {
            const executed = this.held("epoch_executed", node);
            return this.furthest.map((epoch, i) =>
                epoch === null || executed[i] === null ? null : Math.max(0, epoch - executed[i]));
        });
    }

    /* The node that has executed least, of several the one that was furthest behind; or null. */
    get slowest() {
        return this.once("slowest", () => {
            const behind = this.nodes.map((_, node) => this.behind(node).at(-1) ?? -1);
            const most = largest(behind);
            const peaks = behind.map((b, node) =>
                (b === most ? largest([0, ...known(this.behind(node))]) : -1));
            return this.t.length && behind.some((b) => b >= 0) ? peaks.indexOf(largest(peaks)) : null;
        });
    }

    /* How far a node had executed when it last answered. */
    executed(node) {
        return this.held("epoch_executed", node).at(-1) ?? null;
    }

    /* Two samples without an answer: it is down. */
    down(node) {
        const name = ANSWERS.find((field) => this.fields[field]);
        return !name || known(this.column(name, node).slice(-2)).length === 0;
    }

    latest(name, node) {
        return recent(this.column(name, node));
    }

    state(node) {
        if (this.down(node)) {
            return "down";
        }
        const said = this.latest("state", node);
        const behind = this.behind(node).at(-1) ?? 0;
        return STATES[said ?? (behind > EPOCH_WINDOW ? 1 : 0)];
    }

    /* Mean of the measured part: as the run's summary has it, or from the samples. */
    confirmed(node) {
        const given = this.nodes[node].confirmed_bytes_s;
        const counts = this.held("confirmed_bytes", node);
        const from = this.measuredFrom;
        if (typeof given === "number" || from >= this.t.length - 1 || counts.at(-1) === null) {
            return given ?? null;
        }
        return (counts.at(-1) - counts[from]) / (this.end - this.t[from]);
    }

    cap(node) {
        return mean(this.column("rate_in", node).slice(this.measuredFrom));
    }

    get measuredFrom() {
        const at = this.t.findIndex((t) => t >= (this.about.warmup_s ?? 0));
        return at < 0 ? this.t.length : at;
    }
}
