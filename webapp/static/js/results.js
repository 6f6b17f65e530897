// Moving through results by keyboard, and what has to be mended after htmx swapped them.

import { say } from "./page.js";

const box = document.getElementById("q");
const hits = () => [...document.querySelectorAll("a.hit")];
const writing = (element) => element.matches("input, textarea, select, [contenteditable]");

function move(step) {
  const all = hits();
  if (!all.length) return false;
  const at = all.indexOf(document.activeElement);
  if (at === 0 && step < 0) {
    box.focus();
    box.select();
  } else {
    all[Math.min(at + step, all.length - 1)]?.focus();
  }
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  const here = document.activeElement;
  const inResults = here.matches("a.hit");
  let done = false;
  if (event.key === "/" && !writing(here)) {
    box.focus();
    box.select();
    done = true;
  } else if (event.key === "j" && !writing(here)) done = move(1);
  else if (event.key === "k" && !writing(here)) done = inResults && move(-1);
  else if (event.key === "ArrowDown" && (inResults || here === box)) done = move(1);
  else if (event.key === "ArrowUp" && inResults) done = move(-1);
  if (done) event.preventDefault();
});

// Folded facet lists that were open stay open; the box follows the address when one goes back.
let open = [];
document.addEventListener("htmx:beforeSwap", () => {
  open = [...document.querySelectorAll(".facets details[open]")].map((details) => details.id);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
});
document.addEventListener("htmx:afterSettle", () => {
  const total = document.getElementById("results")?.dataset.total;
  if (total !== undefined) say(`共 ${total} 条指标`);
});
document.addEventListener("htmx:responseError", (event) => {
  const page = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
  problem(page.getElementById("error-message")?.textContent ?? "服务器出错了，请稍后重试。");
});
document.addEventListener("htmx:sendError", () => problem("连不上服务器，请检查网络后重试。"));

function problem(message) {
  const found = document.querySelector(".found");
  const line = document.createElement("p");
  line.className = "notice bad";
  line.textContent = message;
  found.querySelector(".notice.bad")?.remove();
  found.prepend(line);
  say(message);
}
