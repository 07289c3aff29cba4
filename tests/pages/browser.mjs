/* What the checks of pages have in common: a browser that notes what goes wrong. */

import { createRequire } from "node:module";
import { resolve } from "node:path";

const PATIENCE_MS = 60000;
export const SIZES = [["desk", 1440, 900], ["phone", 375, 812]];
export const SCHEMES = ["light", "dark"];

export function fail(what) {
    throw new Error(what);
}

export async function openBrowser(directory) {
    const { chromium } = createRequire(resolve(directory, "package.json"))("playwright-core");
    return chromium.launch({ executablePath: "/usr/bin/chromium", timeout: PATIENCE_MS,
        args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
}

/* {page, problems}: whatever the console or the page complains of goes into problems. */
export async function openPage(browser, { width = 1440, height = 900, scheme = "light",
    offline = false } = {}) {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
    const page = await context.newPage();
    const problems = [];
    await context.setOffline(offline);
    page.setDefaultTimeout(PATIENCE_MS);
    page.on("console", (message) => problems.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
    page.on("request", (request) => /^(https?|ws):/.test(request.url()) && offline &&
        problems.push(`asks for ${request.url()}`));
    return { page, problems };
}

/* Charts are drawn when they come into view. */
export async function scrollThrough(page) {
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    for (let y = 0; y <= height; y += 600) {
        await page.evaluate((to) => scrollTo(0, to), y);
        await page.waitForTimeout(60);
    }
    await page.evaluate(() => scrollTo(0, 0));
}

/* Nothing is wider than the screen, and every chart that is there was drawn. */
export async function checkLayout(page, what) {
    const [wide, charts, drawn] = await page.evaluate(() => [
        document.documentElement.scrollWidth - innerWidth,
        [...document.querySelectorAll(".plot")].filter((plot) => plot.checkVisibility()).length,
        [...document.querySelectorAll("canvas")].filter((canvas) => {
            const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return pixels.data.some((value) => value !== 0);
        }).length,
    ]);
    if (wide > 0) {
        fail(`${what}: ${wide} pixels wider than the screen`);
    }
    if (charts === 0 || drawn < charts) {
        fail(`${what}: ${drawn} of ${charts} charts are drawn`);
    }
    return drawn;
}
