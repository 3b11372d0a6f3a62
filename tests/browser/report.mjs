// Opens a report in a headless browser, clicks from the matrix to a case and its timeline, and tells what it saw as JSON.
//
//     node report.mjs FOLDER REPORT.html [SCREENSHOTS]
//
// FOLDER is what `install` printed; SCREENSHOTS is a folder for pictures of each view, in light and in dark.
import { createRequire } from "node:module";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, report, screenshots] = process.argv.slice(2);
const { chromium } = createRequire(join(resolve(folder), "package.json"))("playwright-core");
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const seen = { errors: [], requests: [] };
try {
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("request", (request) => request.url().startsWith("file:") || seen.requests.push(request.url()));
  const picture = async (name) => {
    if (!screenshots) return;
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(screenshots, `${name}-${colorScheme}.png`), fullPage: name !== "matrix" });
    }
  };
  const started = performance.now();
  await page.goto(pathToFileURL(resolve(report)).href);
  await page.waitForSelector("table.matrix tbody tr");
  seen.opened_ms = Math.round(performance.now() - started);
  seen.title = await page.title();
  seen.verdicts = await page.evaluate(() => data.runs.flatMap((run) => run.cases).reduce((sum, each) => sum + each.letters.length, 0));
  if ((await page.locator("h1").first().textContent()) === "Proxies and checks") {
    seen.proxies = await page.locator("table.matrix tbody tr").count();
    await picture("proxies");
    await page.locator("table.matrix tbody th a").first().click();
    await page.waitForSelector(".counts");
  }
  seen.scenarios = await page.locator("table.matrix tbody tr").count();
  seen.words = await page.locator("table.matrix td a").evaluateAll((cells) => cells.every((each) => each.textContent.trim() !== ""));
  await picture("matrix");
  await page.locator("table.matrix td a.fail").first().click();
  await page.waitForSelector("h1");
  if (await page.locator("ul.cases").count()) {
    await picture("cell");
    await page.locator("ul.cases a").first().click();
  }
  await page.waitForSelector("svg.timeline");
  seen.case = await page.locator("h1").textContent();
  seen.lanes = await page.locator("svg.timeline g").count();
  seen.label = await page.locator("svg.timeline").first().getAttribute("aria-label");
  seen.verdict = await page.locator(".verdict strong").first().textContent();
  seen.wire = await page.locator("details pre").count();
  await picture("case");
  await page.keyboard.press("j");
  await page.waitForFunction((before) => document.querySelector("h1").textContent !== before, seen.case);
  seen.next = await page.locator("h1").textContent();
  await page.keyboard.press("k");
  await page.waitForFunction((before) => document.querySelector("h1").textContent === before, seen.case);
  await page.keyboard.press("/");
  await page.keyboard.type("no case is called so");
  await page.keyboard.press("Enter");
  await page.goto(pathToFileURL(resolve(report)).href + "#run/0");
  seen.empty = await page.locator("main p").last().textContent();
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
