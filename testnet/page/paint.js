/* What is painted on the canvas of a chart beside its lines. */

const colours = new Map();

/* Of a custom property, which says another for another colour scheme. */
export function colour(name) {
    if (!colours.has(name)) {
        const style = getComputedStyle(document.documentElement);
        colours.set(name, style.getPropertyValue(`--${name}`).trim());
    }
    return colours.get(name);
}

export function onColours(repaint) {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
        colours.clear();
        repaint();
    });
}

/* In CSS pixels, from the top left of the plot, as valToPos() gives them. */
export function paint(u, draw) {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.translate(bbox.left, bbox.top);
    ctx.scale(devicePixelRatio, devicePixelRatio);
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    draw(ctx, bbox.width / devicePixelRatio, bbox.height / devicePixelRatio);
    ctx.restore();
}

/* Text that stays readable on lines. */
function text(ctx, ...at) {
    ctx.lineWidth = 4;
    ctx.lineJoin = "round";
    ctx.setLineDash([]);
    ctx.strokeStyle = colour("panel");
    ctx.strokeText(...at);
    ctx.fillText(...at);
}

/* The label of a line at its end, above or below it. */
export function labelEnd(u, label, x, y, name, below) {
    paint(u, (ctx, width, height) => {
        ctx.font = "600 12px system-ui, sans-serif";
        ctx.textAlign = "right";
        ctx.fillStyle = colour(name);
        text(ctx, label, x - 2, Math.min(Math.max(below ? y + 16 : y - 6, 24), height - 4));
    });
}

/* The warm-up as a shade, behind; `labels` is false where there is no room for words. */
export function shadeWarmup(u, run, labels) {
    paint(u, (ctx, width, height) => {
        const until = Math.min(u.valToPos(run.about.warmup_s ?? 0, "x"), width);
        if (!(until > 0)) {
            return;
        }
        ctx.fillStyle = colour("warmup");
        ctx.fillRect(0, 0, until, height);
        if (labels && until > 60) {
            ctx.fillStyle = colour("quiet");
            ctx.font = "11px system-ui, sans-serif";
            ctx.fillText("warm-up", 4, 12);
        }
    });
}

/* Events as dashed marks; labels in up to three rows, and only where there is room. */
export function markEvents(u, run, labels) {
    paint(u, (ctx, width, height) => {
        const ends = [0, 0, 0];
        ctx.fillStyle = colour("event");
        ctx.font = "600 11px system-ui, sans-serif";
        const shown = run.events.map(({ t, kind, nodes }) =>
            ({ x: u.valToPos(t, "x"), label: `${kind} ${nodes ?? ""}`.trim().slice(0, 20) }))
            .filter(({ x }) => x >= 0 && x <= width);
        shown.forEach(({ x }) => dashed(ctx, Math.round(x) + 0.5, height, labels));
        for (const { x, label } of labels ? shown : []) {
            const wide = ctx.measureText(label).width;
            const left = x + wide + 4 > width ? x - wide - 3 : x + 3;
            const row = ends.findIndex((end) => end <= left);
            if (row >= 0) {
                text(ctx, label, left, 11 + 13 * row);
                ends[row] = left + wide + 6;
            }
        }
    });
}

function dashed(ctx, x, height, strong) {
    ctx.strokeStyle = colour("event");
    ctx.globalAlpha = strong ? 1 : 0.5;
    ctx.lineWidth = 1;
    ctx.setLineDash([4, 3]);
    ctx.beginPath();
    ctx.moveTo(x, 0);
    ctx.lineTo(x, height);
    ctx.stroke();
}
