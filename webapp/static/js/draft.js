// The drafting page: suggestions follow the typing, the table is built here and kept in this browser.
// Nothing here moves the focus or the caret, and nothing is sent while an input method composes.

import { copy, csrf, flash, say } from "./page.js";

const WAIT = 250;
const AGAIN = 5000;
const FIELDS = ["project", "budget", "goal"];
const CELLS = ["level1", "level2", "name", "operator", "value", "unit"];

const page = document.getElementById("draft");
const advice = document.querySelector(".advice");
const pane = document.getElementById("suggestions");
const body = document.getElementById("rows");
const problem = document.getElementById("problem");
const KEY = `zhibiao.draft.${page.dataset.who}`;

const field = (name) => document.getElementById(name);
let rows = [];
let use = "";
let composing = false;
let timer = 0;
let asking = null;

// Keeping

function keep() {
  const draft = Object.fromEntries(FIELDS.map((name) => [name, field(name).value]));
  // Of a restricted indicator only its id stays in the browser; the server is asked again who may see it.
  const kept = rows.map((row) => (row.restricted ? { id: row.id, value: row.value, restricted: true } : row));
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...draft, use, rows: kept }));
  } catch {
    field("saved").textContent = "浏览器不允许保存，离开前请复制或导出表格。";
  }
}

async function recall() {
  let draft = {};
  try {
    draft = JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    // Nothing usable was kept.
  }
  for (const name of FIELDS) if (typeof draft[name] === "string") field(name).value = draft[name];
  use = typeof draft.use === "string" ? draft.use : "";
  const kept = Array.isArray(draft.rows) ? draft.rows : [];
  rows = (await Promise.all(kept.map((row) => (row.restricted ? reread(row) : row)))).filter(Boolean);
}

/** A restricted row as the server gives it to the person who is here now; null when it gives nothing. */
async function reread(row) {
  try {
    const answer = await fetch(page.dataset.record + encodeURIComponent(row.id));
    if (!answer.ok) return null;
    const i = await answer.json();
    const rank = [...document.querySelectorAll("#ranks li")].findIndex((item) => item.textContent === i.level2);
    return { ...i, rank, value: row.value ?? i.reference, restricted: i.visibility === "restricted" };
  } catch {
    return null;
  }
}

// The table

function draw() {
  let above = {};
  body.replaceChildren(...rows.map((row) => {
    const line = field("row-template").content.firstElementChild.cloneNode(true);
    line.dataset.id = row.id;
    for (const name of ["level1", "level2", "operator", "unit"]) line.querySelector(`.${name}`).textContent = row[name];
    for (const name of ["level1", "level2"]) line.querySelector(`.${name}`).classList.toggle("repeat", row[name] === above[name]);
    const link = line.querySelector(".name a");
    link.textContent = row.name;
    link.href = `/indicators/${encodeURIComponent(row.id)}`;
    link.target = "_blank";
    line.querySelector(".secret").hidden = !row.restricted;
    const value = line.querySelector(".value");
    value.value = row.value;
    value.setAttribute("aria-label", `${row.name} 指标值`);
    line.querySelector(".remove").setAttribute("aria-label", `移除 ${row.name}`);
    above = row;
    return line;
  }));
  field("row-count").textContent = `${rows.length} 条`;
  field("no-rows").hidden = rows.length > 0;
}

function take(row) {
  if (rows.some((known) => known.id === row.id)) return;
  const at = rows.findIndex((known) => known.rank > row.rank);
  rows.splice(at < 0 ? rows.length : at, 0, row);
}

function changed() {
  draw();
  keep();
  schedule(0);
}

const lines = () => rows.map((row) => CELLS.map((cell) => String(row[cell]).replace(/\s+/g, " ")));

body.addEventListener("input", (event) => {
  const row = rows.find((known) => known.id === event.target.closest("tr").dataset.id);
  row.value = event.target.value;
  keep();
});

body.addEventListener("click", (event) => {
  if (!event.target.closest(".remove")) return;
  const line = event.target.closest("tr");
  const at = rows.findIndex((known) => known.id === line.dataset.id);
  const [gone] = rows.splice(at, 1);
  changed();
  body.querySelectorAll(".remove")[Math.min(at, rows.length - 1)]?.focus();
  say(`已移除 ${gone.name}`);
});

field("copy-table").addEventListener("click", async (event) => {
  const head = ["一级指标", "二级指标", "三级指标", "计算符号", "指标值", "计量单位"];
  const done = await copy([head, ...lines()].map((cells) => cells.join("\t")).join("\n"));
  flash(event.target, done ? "已复制" : "复制失败");
  say(done ? `已复制 ${rows.length} 条，可直接粘贴到表格` : "复制失败，请手工选择后复制");
});

field("print-table").addEventListener("click", () => window.print());

field("table-form").addEventListener("submit", () => {
  field("export-cells").replaceChildren(...rows.flatMap((row) => [...CELLS, "id"].map((cell) => {
    const input = document.createElement("input");
    Object.assign(input, { type: "hidden", name: cell, value: row[cell] });
    return input;
  })));
});

field("clear-all").addEventListener("click", () => {
  if (!rows.length && FIELDS.every((name) => !field(name).value)) return;
  if (!window.confirm("清空项目名称、绩效目标和表格里的全部内容？")) return;
  for (const name of FIELDS) field(name).value = "";
  rows = [];
  use = "";
  changed();
});

// Suggestions

function schedule(wait = WAIT) {
  clearTimeout(timer);
  asking?.abort();
  timer = setTimeout(ask, wait);
}

async function ask() {
  if (composing) return;
  const request = asking = new AbortController();
  const form = new URLSearchParams(FIELDS.map((name) => [name, field(name).value]));
  form.append("use", use);
  for (const row of rows) form.append("chosen", row.id);
  advice.classList.add("busy");
  try {
    const answer = await fetch(page.dataset.suggest, {
      method: "POST", body: form, signal: request.signal, headers: { "X-CSRF-Token": csrf },
    });
    const text = await answer.text();
    if (request !== asking) return;
    const found = new DOMParser().parseFromString(text, "text/html");
    if (answer.ok) show(found.getElementById("answer"));
    else fail(found.getElementById("error-message")?.textContent ?? "服务器出错了，请稍后重试。");
  } catch (error) {
    if (error.name === "AbortError") return;
    fail("连不上服务器，稍后自动重试；已写的内容保存在本机。");
    timer = setTimeout(ask, AGAIN);
  } finally {
    if (request === asking) advice.classList.remove("busy");
  }
}

function show(answer) {
  // Somebody who works in the list by keyboard stays at the same place of the new list.
  const here = document.activeElement;
  const kind = ["take", "pin"].find((name) => pane.contains(here) && here.classList.contains(name));
  const place = kind ? [...pane.querySelectorAll(`.${kind}`)].indexOf(here) : -1;
  const scrolled = advice.scrollTop;
  pane.replaceChildren(answer);
  advice.scrollTop = scrolled;
  if (place >= 0) {
    const all = pane.querySelectorAll(`.${kind}`);
    all[Math.min(place, all.length - 1)]?.focus({ preventScroll: true });
  }
  problem.hidden = true;
  const count = Number(answer.dataset.count);
  field("state-text").textContent = count ? `建议 ${count} 条` : "建议";
  say(count ? `已更新 ${count} 条建议` : "暂无建议");
}

function fail(message) {
  problem.textContent = message;
  problem.hidden = false;
  say(message);
}

/** Tell what was taken over, so that others are helped by it; for signed-in people only, and nothing hangs on it. */
function tell(row) {
  const first = use || pane.querySelector(".pin")?.dataset.use;
  if (!page.dataset.choices || !first) return;
  fetch(page.dataset.choices, {
    method: "POST",
    keepalive: true,
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
    body: JSON.stringify({ use: first, id: row.id, chosen: rows.map((known) => known.id) }),
  }).catch(() => {});
}

function adopt(button) {
  const row = JSON.parse(button.dataset.row);
  take(row);
  tell(row);
  say(`已采用 ${row.name}`);
  changed();
}

pane.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.classList.contains("take")) adopt(button);
  if (button?.classList.contains("pin")) {
    use = use === button.dataset.use ? "" : button.dataset.use;
    keep();
    schedule(0);
  }
});

document.addEventListener("keydown", (event) => {
  if (event.metaKey || composing || event.isComposing) return;
  const first = event.ctrlKey && !event.altKey && event.code === "Enter";
  const digit = first ? 1 : event.altKey && !event.ctrlKey && /^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1];
  if (!digit) return;
  event.preventDefault();
  const button = pane.querySelectorAll(".take")[digit - 1];
  if (button && !event.repeat) adopt(button);
});

for (const name of FIELDS) {
  const box = field(name);
  box.addEventListener("compositionstart", () => {
    composing = true;
    clearTimeout(timer);
    asking?.abort();
    advice.classList.remove("busy");
  });
  box.addEventListener("compositionend", () => {
    composing = false;
    keep();
    schedule();
  });
  box.addEventListener("input", (event) => {
    if (composing || event.isComposing) return;
    keep();
    schedule();
  });
}
field("goal-form").addEventListener("submit", (event) => event.preventDefault());

await recall();
for (const item of document.querySelectorAll("#added li")) take(JSON.parse(item.dataset.row));
if (location.search) history.replaceState(null, "", location.pathname);
draw();
keep();
if (rows.length || FIELDS.some((name) => field(name).value.trim())) schedule(0);
