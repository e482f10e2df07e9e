// SPDX-License-Identifier: Apache-2.0
// The page of a run: which lines are shown, and those that come while it goes on.

import { every } from "./page.js";

const MOST = 5000; // lines in the page: the newest
const part = document.getElementById("log-part");
const streams = document.getElementById("streams");
const live = document.getElementById("live");
const NAMES = { stdout: ["out", "out"], stderr: ["err", "err"] };

streams.hidden = false;
streams.addEventListener("change", (event) => { part.dataset.show = event.target.value; });

const log = () => document.getElementById("log");
const isAtEnd = () => { const box = log(); return !box || box.scrollHeight - box.scrollTop - box.clientHeight < 40; };
const toEnd = () => { const box = log(); if (box) box.scrollTop = box.scrollHeight; };

function element(name, kind, text) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text;
  return made;
}

function lineOf(line) {
  const [kind, word] = NAMES[line.stream] ?? ["sys", "sys"];
  const time = element("time", "", line.time.slice(11, 19));
  time.dateTime = line.time;
  const item = element("li", kind === "sys" && line.priority !== null && line.priority <= 3 ? "sys bad" : kind);
  item.append(time, element("span", "stream", word), element("span", "text", line.text));
  return item;
}

// The list that the server has made; or one that is empty.
function listOfLines() {
  const there = part.querySelector("#log ol");
  if (there) return there;
  const box = element("div", "log");
  Object.assign(box, { id: "log", tabIndex: 0 });
  box.setAttribute("role", "log");
  box.setAttribute("aria-labelledby", "log-title");
  box.append(element("ol"));
  part.replaceChildren(box);
  return box.firstChild;
}

// The page with how it ended; once, so that a history that lags behind cannot make it go round.
function showEnd() {
  if (sessionStorage.getItem("ended") === location.pathname) { live.hidden = true; return; }
  sessionStorage.setItem("ended", location.pathname);
  setTimeout(() => location.reload(), 500);
}

function follow() {
  const source = new EventSource(part.dataset.stream);
  let waiting = [];
  let isAsked = false;
  const put = () => {
    isAsked = false;
    const stay = isAtEnd();
    const list = listOfLines();
    list.append(...waiting.map(lineOf));
    waiting = [];
    while (list.childElementCount > MOST) list.firstElementChild.remove();
    if (stay) toEnd();
  };
  source.addEventListener("line", (event) => {
    waiting.push(JSON.parse(event.data));
    if (waiting.length > MOST) waiting.shift(); // nobody looks: no frame is drawn
    if (!isAsked) requestAnimationFrame(put);
    isAsked = true;
  });
  source.addEventListener("end", () => {
    source.close();
    if (waiting.length) put();
    showEnd();
  });
  source.addEventListener("error", () => {
    // It connects again by itself, and goes on behind the last line; unless it was refused.
    if (source.readyState === EventSource.CLOSED) poll();
  });
}

function poll() {
  every(2000, async () => {
    const address = new URL(location.href);
    address.searchParams.set("part", "log");
    const answer = await fetch(address, { cache: "no-store" });
    if (answer.status === 401) location.reload();
    if (!answer.ok) return true;
    const stay = isAtEnd();
    part.innerHTML = await answer.text(); // made by our server, which escapes all values
    if (stay) toEnd();
    if (["running", "waiting"].includes(answer.headers.get("X-Run-Outcome"))) return true;
    showEnd();
    return false;
  });
}

// Why a run failed stands at the end, most often.
if (part.dataset.failed === "yes") toEnd();
if (part.dataset.running === "yes") {
  toEnd();
  follow();
} else {
  sessionStorage.removeItem("ended");
}
live.hidden = part.dataset.running !== "yes";
