// The browser that looks at the console, and what is wrong with a page that it shows.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

// tests/install-browser.sh
const place = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "nearset/browser");
const from = createRequire(join(place, "package.json"));
const { chromium } = from("playwright-core");
const axe = readFileSync(from.resolve("axe-core/axe.min.js"), "utf8");

/** The levels of WCAG that pages keep. */
const LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

export function launch() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"] });
}

/** A window of this width for somebody with this language and these colours. */
export async function open(browser, address, { width, language, theme }) {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    locale: language === "zh" ? "zh-CN" : "en-US",
    reducedMotion: "reduce",
  });
  await context.addCookies([
    { name: "nearset_lang", value: language, url: address },
    { name: "nearset_theme", value: theme, url: address },
  ]);
  return context;
}

/** A page of the window, with all that goes wrong in it. */
export async function watched(context, address) {
  const page = await context.newPage();
  const faults = [];
  const isOurs = (url) => url.startsWith(address);
  page.on("console", (message) => {
    if (message.type() === "error" && isOurs(message.location().url || address)) faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
  page.on("response", (answer) => {
    if (isOurs(answer.url()) && answer.status() >= 400) faults.push(`${answer.status()} ${answer.url()}`);
  });
  return { page, faults };
}

/** Waits until charts near the screen are drawn. */
export async function settled(page) {
  // past all of it, as a reader goes
  await page.evaluate(async () => {
    for (let at = 0; at < document.body.scrollHeight; at += innerHeight) {
      scrollTo(0, at);
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    }
  });
  await page.waitForFunction(() => [...document.querySelectorAll("[data-chart]")].every((chart) => chart.querySelector("canvas, svg")), null, { timeout: 10_000 }).catch(() => {});
  await page.evaluate(() => window.scrollTo(0, 0));
}

/** What is wrong with what a page shows. */
export async function wrong(page) {
  const found = [];
  const overflow = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return "";
    const wide = [...document.querySelectorAll("body *")].find((one) => one.getBoundingClientRect().right > clientWidth + 1 && !one.closest(".scroll, .skip, pre"));
    return `${scrollWidth} of ${clientWidth} px: ${wide?.outerHTML.slice(0, 160) ?? "?"}`;
  });
  if (overflow) found.push(`wider than the window: ${overflow}`);
  const bare = await page.evaluate(() => [...document.querySelectorAll("[data-chart]")].filter((chart) => !chart.querySelector("canvas, svg")).length);
  if (bare) found.push(`${bare} charts are not drawn`);
  await page.evaluate(axe);
  const { violations } = await page.evaluate((levels) => window.axe.run(document, { runOnly: levels, resultTypes: ["violations"] }), LEVELS);
  for (const { id, help, nodes } of violations) {
    const node = nodes[0];
    found.push(`axe ${id}: ${help} (${nodes.length}): ${node.html.slice(0, 200)} ${node.any[0]?.message ?? node.all[0]?.message ?? ""}`);
  }
  return found;
}
