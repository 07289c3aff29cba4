/* The page: of a document inside it, or, live, of what model.json says each second. */

import { comparison } from "compare";
import { el, setText } from "dom";
import { Run } from "model";
import { runSection } from "run";
import { seconds } from "units";

const POLL_MS = 400; /* Samples come each second: a node that is down is soon seen to be. */
const GIVE_UP_MS = 3000; /* An answer that takes longer is none. */
const STALE = 12; /* Answers without a sample, after which to ask for all there is. */

const main = el("main");
document.body.append(main);

const heading = ({ about, name }) =>
    [about.scenario, about.mode].filter(Boolean).join(", ") || name;

function intro(...more) {
    return el("header", {}, el("h1", {}, "DispersedLedger"), ...more);
}

function exported(runs, program) {
    const title = runs.length === 1 ? heading(runs[0]) : `${runs.length} runs`;
    document.title = `${title} – DispersedLedger`;
    if (runs.length === 1) {
        main.append(intro(el("h2", {}, runs[0].name)), runSection(runs[0]).root);
    } else {
        main.append(intro(), comparison(runs), ...runs.map((run, i) => foldedRun(run, i === 0)));
    }
    main.append(el("footer", {}, program ?? ""));
}

/* Made when it is first opened. */
function foldedRun(run, open) {
    const details = el("details", { class: "fold", open },
        el("summary", {}, el("h2", {}, run.name)));
    const fill = () => {
        if (details.open && !details.querySelector(".run")) {
            details.append(runSection(run).root);
        }
    };
    details.addEventListener("toggle", fill);
    fill();
    return details;
}

async function ask(after) {
    const query = after === null ? "" : `?after=${after}`;
    const answer = await fetch(`model.json${query}`,
        { cache: "no-store", signal: AbortSignal.timeout(GIVE_UP_MS) });
    if (!answer.ok) {
        throw new Error(`answer ${answer.status}`);
    }
    return answer.json();
}

function live() {
    /* The clock is apart: a screen reader is told of a change, not of each second. */
    const word = el("span", { role: "status" }, "Asking for the first samples …");
    const clock = el("span");
    const status = el("p", { class: "status" }, word, " ", clock);
    let run = null;
    let section = null;
    let empty = 0;
    let lostAt = null;
    main.append(intro(status));

    const take = (raw) => {
        const restarted = run !== null && (raw.name !== run.name ||
            raw.nodes.length !== run.nodes.length || (empty >= STALE && raw.t.at(-1) < run.end));
        if (restarted) {
            location.reload();
        } else if (run === null) {
            run = new Run(raw, true);
            section = runSection(run);
            main.append(el("h2", {}, run.name), section.root);
            document.title = `Live: ${heading(run)} – DispersedLedger`;
        } else {
            const fresh = raw.t.findIndex((time) => run.t.length === 0 || time > run.end);
            empty = fresh < 0 ? empty + 1 : 0;
            /* Otherwise all was asked for: the next answer has only what is new. */
            if (fresh === 0) {
                run.append(raw);
                section.update();
            }
        }
    };
    const poll = async () => {
        const started = Date.now();
        try {
            const all = run === null || run.t.length === 0 || empty >= STALE;
            const model = await ask(all ? null : run.end);
            lostAt = null;
            take(model.runs[0]);
            setText(word, empty < STALE ? "● Live, at" : "■ No new samples since");
            setText(clock, seconds(run.end));
        } catch (error) {
            lostAt ??= started;
            setText(word, `▲ The source is lost (${error.message}). Asking again and again, for`);
            setText(clock, seconds((Date.now() - lostAt) / 1000));
        }
        status.classList.toggle("lost", lostAt !== null || empty >= STALE);
        setTimeout(poll, Math.max(0, POLL_MS - (Date.now() - started)));
    };
    poll();
}

const embedded = document.getElementById("data");
if (embedded) {
    const { runs, program } = JSON.parse(embedded.textContent);
    exported(runs.map((raw) => new Run(raw, false)), program);
} else {
    live();
}
