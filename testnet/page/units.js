/* Quantities as people read them: three digits, SI prefixes. */

const significant = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const PREFIXES = ["", "k", "M", "G", "T", "P"];

function prefixOf(value) {
    const power = Math.floor(Math.log10(Math.abs(value) || 1) / 3 + 1e-9);
    return Math.min(Math.max(power, 0), PREFIXES.length - 1);
}

/* How values of a unit near `size` are written: {divide, unit}. */
function scaleOf(size, unit) {
    if (unit === "B" || unit === "B/s") {
        const power = prefixOf(size);
        return { divide: 1000 ** power, unit: PREFIXES[power] + unit };
    }
    if (unit === "ms" && Math.abs(size) >= 10000) {
        return { divide: 1000, unit: "s" };
    }
    if (unit === "ratio") {
        return { divide: 0.01, unit: "%" };
    }
    return { divide: 1, unit: unit === "count" ? "" : unit === "times" ? "×" : unit };
}

const digits = (value, unit) => (unit === "count" ? whole : significant).format(value);

export function quantity(value, unit) {
    if (value === null || value === undefined) {
        return "–";
    }
    const scale = scaleOf(value, unit);
    return `${digits(value / scale.divide, unit)} ${scale.unit}`.trim();
}

/* "541 of 400 kB/s": two values in one unit. */
export function pair(value, of, unit) {
    if (of === null || value === null) {
        return quantity(value, unit);
    }
    const scale = scaleOf(Math.max(value, of), unit);
    return `${digits(value / scale.divide)} of ${digits(of / scale.divide)} ${scale.unit}`;
}

/* Labels of an axis: all in one unit, which only the highest names. */
export function ticks(values, unit) {
    const top = values.length - 1;
    const scale = scaleOf(values[top] ?? 0, unit);
    return values.map((value, i) => {
        const text = significant.format(value / scale.divide);
        return i === top ? `${text} ${scale.unit}`.trim() : text;
    });
}

export function seconds(t) {
    if (t < 3600) {
        return `${whole.format(t)} s`;
    }
    const two = (n) => String(Math.floor(n)).padStart(2, "0");
    return `${Math.floor(t / 3600)}:${two((t % 3600) / 60)}:${two(t % 60)}`;
}

export const plural = (n, word) => `${whole.format(n)} ${word}${n === 1 ? "" : "s"}`;
