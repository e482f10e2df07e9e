// SPDX-License-Identifier: Apache-2.0
// What every page does besides being read: times that go on, the theme, the search key.

const root = document.documentElement;

export const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

// Words as the server writes them: the two largest units.
export function span(seconds) {
  if (seconds < 60) return `${Math.round(seconds)}s`;
  const parts = [];
  let rest = Math.round(seconds);
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]]) {
    const count = Math.floor(rest / size);
    rest %= size;
    if (count || parts.length) parts.push(count ? `${count}${unit}` : "");
    if (parts.length === 2) break;
  }
  return parts.filter(Boolean).join(" ");
}

export function relative(moment, now) {
  let seconds = Math.round((moment - now) / 1000);
  // Seconds of what is far away are noise.
  if (seconds <= -60 || seconds >= 600) seconds -= seconds % 60;
  return seconds >= 0 ? `in ${span(seconds)}` : `${span(-seconds)} ago`;
}

// How far the clock of this computer is off that of the host.
const offset = Date.parse(root.dataset.now) - Date.now() || 0;

export function tick(within = document) {
  const now = Date.now() + offset;
  for (const element of within.querySelectorAll("time[data-ago]")) {
    const words = relative(Date.parse(element.dateTime), now);
    if (element.textContent !== words) element.textContent = words;
  }
  for (const element of within.querySelectorAll("time[data-since]")) {
    const words = span(Math.max((now - Date.parse(element.dateTime)) / 1000, 0));
    if (element.textContent !== words) element.textContent = words;
  }
}

// What was focused stays so when a part of a page is put in its place anew.
export function replacePart(holder, html) {
  const focused = holder.contains(document.activeElement) ? document.activeElement : null;
  const same = focused && ["formaction", "href", "id"].map((name) => [name, focused.getAttribute(name)]).find(([, value]) => value);
  const opened = [...holder.querySelectorAll("details")].map((each) => each.open);
  holder.innerHTML = html; // made by our server, which escapes all values
  holder.querySelectorAll("details").forEach((each, number) => { each.open = opened[number] ?? each.open; });
  tick(holder);
  if (same) holder.querySelector(`[${same[0]}="${CSS.escape(same[1])}"]`)?.focus({ preventScroll: true });
}

// Asks again as long as the page is seen; `next` returns false to end that.
export function every(milliseconds, next) {
  const step = async () => {
    let goOn = true;
    if (!document.hidden) {
      try { goOn = (await next()) !== false; } catch { /* the server is away: try again */ }
    }
    if (goOn) setTimeout(step, milliseconds);
  };
  setTimeout(step, milliseconds);
}

function theme() {
  const button = document.getElementById("theme");
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
    document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=strict`;
  });
}

function searchKey() {
  const field = document.querySelector('[aria-keyshortcuts="/"]');
  if (!field) return;
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  });
}

function confirmations() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-confirm]");
    if (button && !window.confirm(button.dataset.confirm)) event.preventDefault();
  });
}

// A message about what was done is told once: not again when the page is loaded anew.
function forgetTold() {
  const address = new URL(location.href);
  if (address.searchParams.has("done")) {
    address.searchParams.delete("done");
    history.replaceState(null, "", address);
  }
}

root.classList.add("scripted");
theme();
searchKey();
confirmations();
forgetTold();
tick();
setInterval(tick, 1000);
