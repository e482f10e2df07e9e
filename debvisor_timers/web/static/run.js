// SPDX-License-Identifier: Apache-2.0
// The page of a run: which lines are shown, and those that come while it goes on.

import { every } from "./page.js";

const part = document.getElementById("log-part");
const streams = document.getElementById("streams");
const log = () => document.getElementById("log");

streams.hidden = false;
streams.addEventListener("change", (event) => {
  part.dataset.show = event.target.value;
});

const isAtEnd = () => { const list = log(); return !list || list.scrollHeight - list.scrollTop - list.clientHeight < 40; };
const toEnd = () => { const list = log(); if (list) list.scrollTop = list.scrollHeight; };

async function refresh() {
  const address = new URL(location.href);
  address.searchParams.set("part", "log");
  const answer = await fetch(address, { cache: "no-store" });
  if (answer.status === 401) location.reload();
  if (!answer.ok) return true;
  const stay = isAtEnd();
  const html = await answer.text();
  if (html !== part.dataset.seen) {
    const top = log()?.scrollTop ?? 0;
    part.innerHTML = html; // made by our server, which escapes all values
    part.dataset.seen = html;
    if (stay) toEnd(); else if (log()) log().scrollTop = top;
  }
  return ["running", "waiting"].includes(answer.headers.get("X-Run-Outcome"));
}

if (part.dataset.running === "yes") {
  toEnd();
  every(1000, async () => {
    if (await refresh()) return true;
    location.reload(); // with how it ended
    return false;
  });
}
