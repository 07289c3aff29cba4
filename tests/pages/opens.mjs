/* How long a large page takes until its first charts are there, and answers to a key.
 * usage: opens.mjs OUT FILE */

import { statSync } from "node:fs";
import { resolve } from "node:path";
import { fail, openBrowser, openPage } from "./browser.mjs";

const OPEN_MS = 2000;
const BYTES_MAX = 10000000;
const [out, file] = process.argv.slice(2);
const bytes = statSync(file).size;
const browser = await openBrowser(out);
const took = [];
for (let turn = 0; turn < 3; turn++) {
    const { page, problems } = await openPage(browser, { offline: true });
    await page.goto(`file://${resolve(file)}`);
    await page.waitForSelector(".plot canvas");
    took.push(await page.evaluate(() => new Promise((done) =>
        requestAnimationFrame(() => setTimeout(() => done(performance.now()))))));
    if (problems.length > 0) {
        fail(problems.join("\n"));
    }
    await page.context().close();
}
await browser.close();
took.sort((a, b) => a - b);
const said = `${(bytes / 1e6).toFixed(1)} MB, open after ${Math.round(took[1])} ms, the median of 3`;
if (took[1] > OPEN_MS || bytes > BYTES_MAX) {
    fail(said);
}
console.log(said);
