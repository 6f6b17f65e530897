// On every page: copy buttons, spoken messages, and the CSRF token on what htmx sends.

export const csrf = document.querySelector('meta[name="csrf-token"]').content;

const live = document.getElementById("live");

/** Say a message to screen readers without moving the focus. */
export function say(message) {
  live.textContent = "";
  requestAnimationFrame(() => { live.textContent = message; });
}

/** Put text on the clipboard; works over plain http on an intranet too, where navigator.clipboard is missing. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    let taken = false;
    document.addEventListener("copy", (event) => {
      event.clipboardData.setData("text/plain", text);
      event.preventDefault();
      taken = true;
    }, { once: true });
    return document.execCommand("copy") && taken;
  }
}

/** Tell the result of a press on its button for a moment. */
export function flash(button, message) {
  button.dataset.label ??= button.textContent;
  button.textContent = message;
  clearTimeout(button.timer);
  button.timer = setTimeout(() => { button.textContent = button.dataset.label; }, 1600);
}

// Drafts stay in this browser, each under the name of who wrote it. After signing out nothing of ours stays, and whoever
// is signed in leaves no draft of another person here.
const DRAFT = "zhibiao.draft.";
try {
  const { who, forget } = document.body.dataset;
  for (const key of Object.keys(localStorage)) {
    const other = who && key.startsWith(DRAFT) && key !== DRAFT && key !== DRAFT + who;
    if (other || (forget !== undefined && key.startsWith("zhibiao."))) localStorage.removeItem(key);
  }
  if (forget !== undefined) sessionStorage.clear();
} catch {
  // The browser keeps nothing.
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const done = await copy(button.dataset.copy);
  flash(button, done ? "已复制" : "复制失败");
  say(done ? button.dataset.said : "复制失败，请手工选择后复制");
});

document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.verb !== "get") event.detail.headers["X-CSRF-Token"] = csrf;
});
