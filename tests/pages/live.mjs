/* The live page of a running cluster: what it shows is what /metrics says; a node that is killed is
 * seen to be down within 3 s. usage: live.mjs OUT PAGE METRICS PID-OF-NODE-3 */

import { checkLayout, fail, openBrowser, openPage, SCHEMES, scrollThrough, SIZES } from "./browser.mjs";

const DOWN_MS = 3000; /* Two samples that are missed, and the page asks each second. */
const [out, url, metricsUrl, pid] = process.argv.slice(2);

/* Of node 0, and of its lanes over all peers. */
async function metrics() {
    const text = await (await fetch(metricsUrl)).text();
    const value = (name) => Number(text.match(new RegExp(`^${name} (.*)$`, "m"))[1]);
    const purpose = (name) => [...text.matchAll(
        new RegExp(`^ledger_received_bytes_total\\{purpose="${name}"[^}]*\\} (.*)$`, "gm"))]
        .reduce((sum, match) => sum + Number(match[1]), 0);
    return { epoch_agreed: value("ledger_epoch_agreed"), height: value("ledger_height"),
        epoch_executed: value("ledger_epoch_executed"),
        confirmed_bytes: value("ledger_confirmed_bytes_total"),
        rx_votes: purpose("votes"), rx_dispersal: purpose("dispersal"),
        rx_retrieval: purpose("retrieval"), rx_clients: purpose("clients") };
}

/* Each number of a sample lies between the scrapes before and after it. */
async function compare() {
    const before = await metrics();
    const from = (await model()).runs[0].t.at(-1);
    let run;
    do {
        run = (await model()).runs[0];
        /* The next may have begun before that; and an answer may come too late to be in one. */
    } while (run.t.at(-1) < from + 1.5 || run.fields.height[0].at(-1) === null);
    const after = await metrics();
    for (const [name, least] of Object.entries(before)) {
        const shown = run.fields[name][0].at(-1);
        if (!(shown >= least && shown <= after[name])) {
            fail(`${name} is ${shown} on the page, ${least} before and ${after[name]} after it`);
        }
    }
    return Object.keys(before).length;
}
const model = async () => (await fetch(`${url}model.json`)).json();

/* The table of the page itself, of node `id`. */
const row = (page, id) => page.evaluate((k) =>
    [...document.querySelectorAll(".nodes tbody tr")][k].innerText, id);

async function shownEpochs(page) {
    const text = await page.evaluate(() => document.querySelector(".run").innerText);
    const run = (await model()).runs[0];
    const shown = Number(text.match(/Epochs agreed\s+([\d,]+)/)[1].replaceAll(",", ""));
    const all = run.fields.epoch_agreed.flat();
    if (!all.includes(shown)) {
        fail(`the page says that ${shown} epochs are agreed, and no node said so`);
    }
}

async function screenshots(browser) {
    for (const [name, width, height] of SIZES) {
        for (const scheme of SCHEMES) {
            const { page, problems } = await openPage(browser, { width, height, scheme });
            await page.goto(url);
            await page.waitForSelector(".nodes");
            await scrollThrough(page);
            await checkLayout(page, `live, ${name}, ${scheme}`);
            await page.screenshot({ path: `${out}/live-${name}-${scheme}.png`, fullPage: true });
            if (problems.length > 0) {
                fail(problems.join("\n"));
            }
            await page.context().close();
        }
    }
}

const browser = await openBrowser(out);
const compared = await compare();
await screenshots(browser);

const { page, problems } = await openPage(browser);
await page.goto(url);
await page.waitForFunction(() =>
    [...document.querySelectorAll(".nodes tbody tr")].filter((r) => /current/.test(r.innerText)).length === 4);
await shownEpochs(page);
process.kill(Number(pid), "SIGKILL");
const killed = Date.now();
while (!/down/.test(await row(page, 3))) {
    if (Date.now() - killed > DOWN_MS) {
        fail(`after ${DOWN_MS} ms the page says of the killed node: ${await row(page, 3)}`);
    }
    await page.waitForTimeout(50);
}
const took = Date.now() - killed;
if (/down/.test(await row(page, 0))) {
    fail("a node that runs is said to be down");
}
await page.screenshot({ path: `${out}/live-killed.png`, fullPage: true });
if (problems.length > 0) {
    fail(problems.join("\n"));
}
await browser.close();
console.log(`${compared} numbers compared; down after ${took} ms`);
