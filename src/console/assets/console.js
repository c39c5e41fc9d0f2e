// What the console's pages cannot do without a script: charts, pieces that stay up to date, questions before danger.
"use strict";

const root = document.documentElement;
const isChinese = root.lang.startsWith("zh");
const say = (english, chinese) => (isChinese ? chinese : english);

// ---- charts ----------------------------------------------------------------------------------------------------------

let library;
const charts = new Map();

function loadLibrary() {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = root.dataset.charts;
    script.onload = () => resolve(window.echarts);
    script.onerror = () => reject(new Error(script.src));
    document.head.append(script);
  });
  return library;
}

/** A colour of the style sheet as the theme in force has it. */
function colours() {
  const probe = document.createElement("i");
  document.body.append(probe);
  const read = (value) => {
    probe.style.color = value;
    return getComputedStyle(probe).color;
  };
  const names = ["ink", "soft", "line", "raised", "accent"];
  const all = Object.fromEntries(names.map((name) => [name, read(`var(--${name})`)]));
  const series = getComputedStyle(root).getPropertyValue("--chart").split(/,\s*(?=light-dark)/);
  all.series = series.map((value) => read(value.trim()));
  probe.remove();
  return all;
}

function theme(all) {
  const axis = {
    axisLine: { lineStyle: { color: all.line } },
    axisTick: { lineStyle: { color: all.line } },
    axisLabel: { color: all.soft },
    nameTextStyle: { color: all.soft },
    splitLine: { lineStyle: { color: all.line } },
    splitArea: { show: false },
  };
  return {
    color: all.series,
    backgroundColor: "transparent",
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: all.ink },
    legend: { textStyle: { color: all.ink }, pageTextStyle: { color: all.soft }, pageIconColor: all.accent },
    categoryAxis: { ...axis, splitLine: { show: false } },
    valueAxis: { ...axis, axisLine: { show: false } },
    tooltip: { backgroundColor: all.raised, borderColor: all.line, textStyle: { color: all.ink } },
    visualMap: { textStyle: { color: all.soft }, inRange: { color: [all.raised, all.accent] } },
    funnel: { label: { color: all.ink }, itemStyle: { borderWidth: 0 } },
    graph: { label: { color: all.ink }, lineStyle: { color: all.soft } },
  };
}

const formats = {
  percent: new Intl.NumberFormat(root.lang, { style: "percent", maximumFractionDigits: 2 }),
  money: new Intl.NumberFormat(root.lang, { style: "currency", currency: "CNY", maximumFractionDigits: 2 }),
  number: new Intl.NumberFormat(root.lang, { maximumFractionDigits: 3 }),
  short: new Intl.NumberFormat(root.lang, { notation: "compact", maximumFractionDigits: 1 }),
};

/** The bar of an interval, from its low to its high end. */
function whisker(params, api) {
  const [x, low] = api.coord([api.value(0), api.value(1)]);
  const high = api.coord([api.value(0), api.value(2)])[1];
  const line = (x1, y1, x2, y2) => ({ type: "line", shape: { x1, y1, x2, y2 }, style: { stroke: api.visual("color"), lineWidth: 1.5 } });
  return { type: "group", children: [line(x, low, x, high), line(x - 5, low, x + 5, low), line(x - 5, high, x + 5, high)] };
}

function finish(option, unit) {
  const full = formats[unit] ?? formats.number;
  const value = (shown) => (typeof shown === "number" ? full.format(shown) : (shown ?? "–"));
  if (option.tooltip) option.tooltip.valueFormatter = value;
  for (const axis of [option.xAxis, option.yAxis].flat()) {
    if (axis?.type === "value") axis.axisLabel = { ...axis.axisLabel, formatter: (tick) => (unit === "percent" ? full : formats.short).format(tick) };
  }
  // the year stands in the tooltip
  const short = (place) => (/^\d{4}-\d\d-\d\d$/.test(place) ? place.slice(5) : place);
  for (const axis of [option.xAxis].flat()) {
    if (axis?.type === "category") axis.axisLabel = { ...axis.axisLabel, formatter: short };
  }
  for (const series of [option.series].flat()) {
    if (series.type === "custom") series.renderItem = whisker;
    if (series.type === "funnel") series.label = { ...series.label, formatter: ({ name, value: shown }) => `${name}  ${value(shown)}` };
    if (series.label?.show && series.type === "heatmap") series.label.formatter = ({ value: cell }) => value(cell[2]);
  }
  return option;
}

async function draw(element) {
  const echarts = await loadLibrary();
  if (!element.isConnected) return;
  const option = JSON.parse(element.nextElementSibling.textContent);
  charts.get(element)?.dispose();
  element.removeAttribute("aria-label");
  const chart = echarts.init(element, theme(colours()), { renderer: "canvas", locale: isChinese ? "ZH" : "EN" });
  chart.setOption({ animation: false, aria: { enabled: true }, ...finish(option, element.dataset.unit) });
  chart.on("click", ({ data }) => {
    if (data?.href) location.href = data.href;
  });
  charts.set(element, chart);
}

const near = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    draw(target).catch((error) => console.error("a chart could not be drawn", error));
  }
}, { rootMargin: "300px" });

const sized = new ResizeObserver((entries) => {
  for (const { target } of entries) charts.get(target)?.resize();
});

function redraw() {
  for (const element of [...charts.keys()]) draw(element);
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
new MutationObserver(redraw).observe(root, { attributeFilter: ["data-theme"] });

// ---- pieces that stay up to date: <div data-poll="/console/…" data-every="2"> -------------------------------------------

/** Asks for a fragment while the page is looked at; puts it in where it is another. An answer of 204 ends it, 304 changes nothing. */
function poll(element) {
  const every = 1000 * (Number(element.dataset.every) || 1);
  let etag = "";
  const next = () => setTimeout(look, every);
  async function look() {
    if (!element.isConnected) return;
    if (document.hidden) {
      document.addEventListener("visibilitychange", look, { once: true });
      return;
    }
    try {
      const answer = await fetch(element.dataset.poll, { headers: etag ? { "If-None-Match": etag } : {} });
      if (answer.status === 204) return;
      if (answer.ok) {
        etag = answer.headers.get("ETag") ?? "";
        replace(element, await answer.text());
      }
    } catch {
      // the server is being restarted: it is asked again
    }
    next();
  }
  next();
}

/** Puts other content into an element and keeps what was focused, open and scrolled. */
function replace(element, text) {
  if (element.lastText === text) return;
  element.lastText = text;
  const focused = element.contains(document.activeElement) ? document.activeElement.id : "";
  const open = [...element.querySelectorAll("details[id][open]")].map((one) => one.id);
  for (const chart of [...charts.keys()].filter((one) => element.contains(one))) {
    charts.get(chart).dispose();
    charts.delete(chart);
  }
  element.innerHTML = text;
  for (const id of open) element.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
  if (focused) element.querySelector(`#${CSS.escape(focused)}`)?.focus({ preventScroll: true });
  wake(element);
}

// ---- what is asked before it is done: <form data-confirm="Promote this model?"> ------------------------------------------

function ask(question, go) {
  const dialog = document.createElement("dialog");
  const text = document.createElement("p");
  text.textContent = question;
  text.id = "question";
  dialog.setAttribute("aria-labelledby", text.id);
  const form = document.createElement("form");
  form.method = "dialog";
  const button = (label, value, kind) => {
    const one = document.createElement("button");
    Object.assign(one, { textContent: label, value, className: kind });
    return one;
  };
  form.append(button(say("Cancel", "取消"), "", ""), button(go, "yes", "go"));
  dialog.append(text, form);
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    dialog.showModal();
  });
}

document.addEventListener("submit", async (event) => {
  const { target: form, submitter } = event;
  const question = submitter?.dataset.confirm ?? form.dataset.confirm;
  if (!question || form.dataset.sure) return;
  event.preventDefault();
  if (!(await ask(question, submitter?.textContent.trim() || say("Do it", "执行")))) return;
  form.dataset.sure = "yes";
  form.requestSubmit(submitter);
  delete form.dataset.sure;
});

// a filter form leaves out what is empty, so that links stay short
document.addEventListener("formdata", ({ target, formData }) => {
  if (target.method !== "get") return;
  for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
});

// a choice that applies at once: <select data-submit>
document.addEventListener("change", ({ target }) => {
  if (target.matches?.("[data-submit]")) target.form.requestSubmit();
});

// a cover that is not there leaves an empty place
document.addEventListener("error", ({ target }) => {
  if (target.matches?.("img.cover")) target.removeAttribute("src");
}, true);

/** What is wider than the page scrolls in a box of its own, also by keyboard. */
function box(wide) {
  const place = document.createElement("div");
  const heading = wide.closest("section, figure, details, main")?.querySelector("h1, h2, h3, figcaption, summary");
  Object.assign(place, { className: "scroll", tabIndex: 0, role: "region" });
  place.ariaLabel = wide.caption?.textContent || heading?.textContent || say("A table", "表格");
  wide.replaceWith(place);
  place.append(wide);
}

function wake(part) {
  for (const table of part.querySelectorAll("main table")) if (!table.closest(".scroll")) box(table);
  for (const element of part.querySelectorAll("[data-chart]")) {
    near.observe(element);
    sized.observe(element);
  }
  for (const element of part.querySelectorAll("[data-poll]")) poll(element);
}
wake(document);
