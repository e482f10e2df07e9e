// SPDX-License-Identifier: Apache-2.0
// The page of a job: its points lead to their runs, and its runs go on while one looks.

import { every, replacePart } from "./page.js";

const runs = document.getElementById("runs");
const chart = document.getElementById("chart");

chart?.addEventListener("click", (event) => {
  const run = event.target.dataset?.run;
  if (run) location.href = `/jobs/${chart.dataset.job}/runs/${run}`;
});

// Times go on by themselves: a part that differs in them alone is the same.
function words(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html; // made by our server, which escapes all values
  for (const time of holder.content.querySelectorAll("time")) time.remove();
  return holder.innerHTML;
}

async function ask(part) {
  const address = new URL(location.href);
  if (part) address.searchParams.set("part", part);
  const answer = await fetch(address, { cache: "no-store" });
  if (answer.status === 401) location.reload();
  return answer.ok ? answer.text() : null;
}

// What a run that begins or ends changes besides its row: the badge, the buttons, the figures.
async function renew() {
  const html = await ask("");
  if (html === null) return;
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const id of ["head", "facts"]) {
    const [old, now] = [document.getElementById(id), fresh.getElementById(id)];
    if (old && now) replacePart(old, now.innerHTML);
  }
}

every(3000, async () => {
  if (document.querySelector("#head button:active")) return;
  const html = await ask("runs");
  if (html === null || words(html) === words(runs.innerHTML)) return;
  replacePart(runs, html);
  await renew();
});
