// Looks at every page of the console in three widths, both languages, light and dark.
//
//   node walk.mjs ADDRESS OUT [quick]
//
// Pages are found by their links, some of each kind. OUT gets a picture of each, and findings.txt. It ends with 1 where something is wrong.
// A quick walk takes the narrowest and the widest, so that every two of width, language and theme are seen together, and not all three.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { launch, open, settled, watched, wrong } from "./browser.mjs";

const [address, out, ...options] = process.argv.slice(2);
const isQuick = options.includes("quick");
/** How many windows are open at once. */
const AT_ONCE = 3;
const WIDTHS = [390, 820, 1440];
const LANGUAGES = ["en", "zh"];
const THEMES = ["light", "dark"];

/** How many pages of one kind are looked at: their addresses differ in a name or in parameters only. */
const OF_A_KIND = 2;

/** What no link of a page leads to by itself: files, and what ends a session. */
const LEFT_OUT = ["/console/assets/", "/console/covers/", "/console/session/end"];

function kind(path) {
  const [place, query = ""] = path.split("?");
  const parts = place.split("/").slice(2);
  const names = [...new URLSearchParams(query).keys()].sort().join("&");
  return `${parts[0] ?? ""}/${parts.slice(1).map(() => "*").join("/")}?${names}`;
}

function fileName(path) {
  return path.replace(/^\/console\/?/, "").replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 80) || "overview";
}

/** All pages that links lead to from the first one on. */
async function pages(browser) {
  const context = await open(browser, address, { width: 1440, language: "en", theme: "light" });
  const page = await context.newPage();
  const found = ["/console"];
  const kinds = new Map();
  for (let next = 0; next < found.length; next++) {
    await page.goto(address + found[next], { waitUntil: "domcontentloaded" });
    const links = await page.$$eval("a[href]", (all) => all.map((link) => link.getAttribute("href")));
    for (const link of links) {
      const url = new URL(link, address + found[next]);
      const path = url.pathname + url.search;
      const isPage = url.origin === address && /^\/console(\/|\?|$)/.test(path) && !LEFT_OUT.some((start) => path.startsWith(start));
      if (!isPage || found.includes(path) || url.searchParams.has("lang") || url.searchParams.has("theme")) continue;
      const count = (kinds.get(kind(path)) ?? 0) + 1;
      kinds.set(kind(path), count);
      // what the navigation names is looked at, whatever there is of its kind
      if (count <= OF_A_KIND || !/\/console\/[^/?]+[/?]/.test(path)) found.push(path);
    }
  }
  await context.close();
  return found;
}

/** Looks at one page; returns what is wrong with it. */
async function look(context, path, { width, language, theme }) {
  const { page, faults } = await watched(context, address);
  const answer = await page.goto(address + path, { waitUntil: "load" });
  await settled(page);
  const found = [...faults, ...(await wrong(page))];
  if (!answer.headers()["content-type"]?.startsWith("text/html")) found.push("it is no page");
  const lang = await page.getAttribute("html", "lang");
  if (lang !== (language === "zh" ? "zh-CN" : "en")) found.push(`its language is ${lang}`);
  const name = `${width}-${language}-${theme}`;
  await page.screenshot({ path: join(out, `${fileName(path)}-${name}.png`), fullPage: true });
  await page.close();
  return found.map((finding) => `${path} at ${name}: ${finding}`);
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const browser = await launch();
const all = await pages(browser);
const looks = WIDTHS.flatMap((width, w) =>
  LANGUAGES.flatMap((language, l) =>
    THEMES.flatMap((theme, t) => (isQuick && (w === 1 || (w / 2 + l + t) % 2) ? [] : [{ width, language, theme }])),
  ),
);
console.log(`${all.length} pages, ${looks.length} looks`);
const waiting = [...looks];
const findings = [];
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const context = await open(browser, address, next);
      for (const path of all) findings.push(...(await look(context, path, next)));
      await context.close();
    }
  }),
);
await browser.close();
findings.sort();
writeFileSync(join(out, "findings.txt"), findings.map((line) => `${line}\n`).join(""));
for (const finding of findings) console.log(finding);
console.log(`${findings.length} findings`);
process.exit(findings.length ? 1 : 0);
