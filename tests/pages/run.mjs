/* Runs ledger-testnet with --dashboard, and looks at its page meanwhile. The last --port is the
 * page's. usage: run.mjs OUT COMMAND... */

import { spawn } from "node:child_process";
import { checkLayout, fail, openBrowser, openPage, scrollThrough } from "./browser.mjs";

const [out, command, ...rest] = process.argv.slice(2);
const url = `http://127.0.0.1:${rest[rest.indexOf("--port") + 1]}/`;
const run = spawn(command, rest, { stdio: ["ignore", "inherit", "inherit"] });
const ended = new Promise((resolve) => run.on("exit", (code, signal) => resolve(signal ? 1 : code)));
const rests = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function look() {
    for (let tries = 0; ; tries++) {
        const answer = await fetch(`${url}model.json`).catch(() => null);
        if (answer?.ok && (await answer.json()).runs[0].events.length > 0) {
            break;
        }
        if (tries === 400 || run.exitCode !== null) {
            fail("the run's page is not there");
        }
        await rests(200);
    }
    const browser = await openBrowser(out);
    const { page, problems } = await openPage(browser);
    await page.goto(url);
    await page.waitForSelector(".nodes");
    await page.waitForTimeout(3000);
    await scrollThrough(page);
    await checkLayout(page, "a run's page");
    const told = await page.evaluate(() => {
        document.querySelectorAll("details").forEach((details) => (details.open = true));
        return new Promise((resolve) => setTimeout(() =>
            resolve(document.querySelector(".run").innerText), 500));
    });
    if (told.match(/\bkill\s+3\b/g)?.length !== 1) {
        fail(`one node was killed once, and the page says: ${told}`);
    }
    const text = await page.evaluate(() => document.querySelector(".nodes").innerText);
    if (!/MB\/s|kB\/s/.test(text)) {
        fail(`no throughput in ${text}`);
    }
    await page.screenshot({ path: `${out}/run-live.png`, fullPage: true });
    if (problems.length > 0) {
        fail(problems.join("\n"));
    }
    await browser.close();
}

try {
    await look();
} catch (error) {
    console.error(error.message);
    run.kill();
    await ended;
    process.exit(1);
}
process.exit(await ended);
