/* An exported page, opened from the disk with the network off: no complaint, charts drawn, tables
 * filled, usable by keyboard. usage: export.mjs OUT FILE */

import { basename, resolve } from "node:path";
import { checkLayout, fail, openBrowser, openPage, SCHEMES, scrollThrough, SIZES } from "./browser.mjs";

const [out, file] = process.argv.slice(2);
const name = basename(file, ".html");
const url = `file://${resolve(file)}`;

async function checkTables(page) {
    const sizes = await page.evaluate(() => [...document.querySelectorAll("details")].map((d) => {
        d.open = true;
        return d;
    }).length);
    await page.waitForTimeout(500);
    const empty = await page.evaluate(() => [...document.querySelectorAll("details")]
        .filter((d) => d.open && d.checkVisibility() && !d.classList.contains("fold") &&
            d.querySelectorAll("tbody tr").length === 0)
        .map((d) => d.innerText));
    if (sizes === 0 || empty.length > 0) {
        fail(`${sizes} tables; without rows: ${empty.join(", ")}`);
    }
    return sizes;
}

/* A chart takes the focus, and the arrow moves what its legend says. */
async function checkKeyboard(page) {
    const says = () => page.evaluate(() => document.activeElement.closest("figure").innerText);
    await page.evaluate(() => document.querySelector("[aria-roledescription=chart]").focus());
    await page.waitForTimeout(300);
    const seen = new Set([await says()]);
    for (const key of ["ArrowLeft", "ArrowLeft", "Home"]) {
        await page.keyboard.press(key);
        await page.waitForTimeout(300);
        seen.add(await says());
    }
    if (seen.size < 3) {
        fail("arrows do not move what a chart's legend says");
    }
}

const browser = await openBrowser(out);
let charts = 0;
for (const [size, width, height] of SIZES) {
    for (const scheme of SCHEMES) {
        const { page, problems } = await openPage(browser, { width, height, scheme, offline: true });
        await page.goto(url);
        await page.waitForSelector(".run");
        await scrollThrough(page);
        charts = await checkLayout(page, `${name}, ${size}, ${scheme}`);
        await page.screenshot({ path: `${out}/${name}-${size}-${scheme}.png`, fullPage: true });
        if (size === "desk" && scheme === "light") {
            await checkKeyboard(page);
            await checkTables(page);
        }
        if (problems.length > 0) {
            fail(problems.join("\n"));
        }
        await page.context().close();
    }
}
await browser.close();
console.log(`${charts} charts, 4 screenshots`);
