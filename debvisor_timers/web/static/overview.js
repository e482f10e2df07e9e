// SPDX-License-Identifier: Apache-2.0
// The overview: finds jobs as one types, and shows what has changed.

import { every, replacePart } from "./page.js";

const form = document.getElementById("find");
const rows = document.getElementById("rows");
const attention = document.getElementById("attention-part");
const etags = new Map();
let asked = null;

async function fetchPart(part, signal) {
  const address = new URL(location.href);
  address.searchParams.set("part", part);
  const headers = etags.has(address.href) ? { "If-None-Match": etags.get(address.href) } : {};
  const answer = await fetch(address, { headers, signal, cache: "no-store" });
  if (answer.status === 304) return null;
  if (answer.status === 401) { location.reload(); return null; }
  if (!answer.ok) return null;
  etags.set(address.href, answer.headers.get("ETag") ?? "");
  return answer.text();
}

async function find() {
  const question = new URLSearchParams(new FormData(form));
  for (const [name, value] of [...question]) if (!value || (name === "sort" && value === "name")) question.delete(name);
  history.replaceState(null, "", question.size ? `/?${question}` : "/");
  asked?.abort();
  asked = new AbortController();
  etags.clear();
  try {
    const html = await fetchPart("rows", asked.signal);
    if (html !== null) replacePart(rows, html);
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}

let waiting = 0;
form.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(find, 120);
});
form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(waiting); find(); });
for (const each of form.querySelectorAll(".no-script")) each.hidden = true;

every(3000, async () => {
  if (document.querySelector("#rows button:active, #attention-part button:active")) return;
  const [found, needing] = [await fetchPart("rows"), await fetchPart("attention")];
  if (found !== null) replacePart(rows, found);
  if (needing !== null) replacePart(attention, needing);
});
