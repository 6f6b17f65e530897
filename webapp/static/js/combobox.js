// Completions under the search box: the ARIA combobox pattern with a listbox popup.
// While an input method composes, nothing is asked and nothing is submitted.

import { say } from "./page.js";

const KINDS = { domain: "领域", industry: "行业", use: "用途", indicator: "指标", word: "词语" };
const WAIT = 120;
const LIMIT = 10;

const input = document.getElementById("q");
const form = input.form;
const list = document.getElementById(input.getAttribute("aria-controls"));

let composing = false;
let active = -1;
let timer = 0;
let asking = null;
let typed = input.value;
let submitted = input.value.trim();

const options = () => [...list.children];
const isOpen = () => !list.hidden;

function close() {
  list.hidden = true;
  active = -1;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

/** Forget what is under way: a late answer must not open the list again. */
function stop() {
  clearTimeout(timer);
  asking?.abort();
  asking = null;
}

function activate(index) {
  const all = options();
  active = index;
  all.forEach((option, n) => option.setAttribute("aria-selected", String(n === index)));
  if (index < 0) {
    input.removeAttribute("aria-activedescendant");
    input.value = typed;
    return;
  }
  input.setAttribute("aria-activedescendant", all[index].id);
  input.value = all[index].dataset.text;
  all[index].scrollIntoView({ block: "nearest" });
}

function label(text) {
  const words = document.createElement("div");
  const at = text.indexOf(typed.trim());
  if (at < 0) {
    words.textContent = text;
  } else {
    const hit = document.createElement("b");
    hit.textContent = text.slice(at, at + typed.trim().length);
    words.append(text.slice(0, at), hit, text.slice(at + typed.trim().length));
  }
  return words;
}

function show(items) {
  list.replaceChildren(...items.map((item, n) => {
    const option = document.createElement("li");
    option.id = `q-option-${n}`;
    option.role = "option";
    option.dataset.text = item.text;
    option.setAttribute("aria-selected", "false");
    const kind = document.createElement("span");
    kind.textContent = KINDS[item.kind] ?? "";
    option.append(label(item.text), kind);
    return option;
  }));
  active = -1;
  if (!items.length || document.activeElement !== input) return close();
  list.hidden = false;
  input.setAttribute("aria-expanded", "true");
  say(`${items.length} 个联想词`);
}

async function ask() {
  const text = input.value.trim();
  if (!text) return close();
  const request = asking = new AbortController();
  try {
    const address = `${input.dataset.complete}?${new URLSearchParams({ q: text, limit: LIMIT })}`;
    const answer = await fetch(address, { signal: request.signal, headers: { Accept: "application/json" } });
    if (!answer.ok) return close();
    const { items } = await answer.json();
    if (request === asking && !composing) show(items);
  } catch (error) {
    if (error.name !== "AbortError") close();
  }
}

function changed() {
  stop();
  typed = input.value;
  timer = setTimeout(ask, WAIT);
}

function choose(option) {
  input.value = typed = option.dataset.text;
  stop();
  close();
  form.requestSubmit();
}

input.addEventListener("compositionstart", () => {
  composing = true;
  stop();
});
input.addEventListener("compositionend", () => {
  composing = false;
  changed();
});
input.addEventListener("input", (event) => {
  if (!composing && !event.isComposing) changed();
});

input.addEventListener("keydown", (event) => {
  // keyCode 229: the key belongs to the input method, also where isComposing is already false (Safari).
  if (composing || event.isComposing || event.keyCode === 229) {
    if (event.key === "Enter") event.preventDefault();
    return;
  }
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const last = list.children.length - 1;
  if (event.key === "ArrowDown" && isOpen()) activate(active >= last ? -1 : active + 1);
  else if (event.key === "ArrowDown" && input.value.trim() && input.value.trim() !== submitted) {
    stop();
    ask();
  } else if (event.key === "ArrowUp" && isOpen()) activate(active < 0 ? last : active - 1);
  else if (event.key === "Escape" && isOpen()) {
    stop();
    input.value = typed;
    close();
  } else if (event.key === "Enter" && isOpen() && active >= 0) choose(options()[active]);
  else if (event.key === "Tab") {
    stop();
    close();
    return;
  } else return;
  event.preventDefault();
  event.stopPropagation();
});

// The press must not take the focus away from the box.
list.addEventListener("mousedown", (event) => event.preventDefault());
list.addEventListener("click", (event) => {
  const option = event.target.closest("[role=option]");
  if (option) choose(option);
});
input.addEventListener("blur", () => {
  stop();
  close();
});

// In the capture phase, before htmx sees it.
document.addEventListener("submit", (event) => {
  if (event.target !== form) return;
  if (composing) {
    event.preventDefault();
    event.stopPropagation();
    return;
  }
  typed = input.value;
  submitted = typed.trim();
  stop();
  close();
}, true);
