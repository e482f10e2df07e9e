// SPDX-License-Identifier: Apache-2.0
// The page of a job: its points lead to their runs, and its runs go on while one looks.

import { every, replacePart } from "./page.js";

const runs = document.getElementById("runs");
const chart = document.getElementById("chart");

chart?.addEventListener("click", (event) => {
  const run = event.target.dataset?.run;
  if (run) location.href = `/jobs/${chart.dataset.job}/runs/${run}`;
});

every(3000, async () => {
  const address = new URL(location.href);
  address.searchParams.set("part", "runs");
  const answer = await fetch(address, { cache: "no-store" });
  if (answer.status === 401) location.reload();
  if (!answer.ok) return;
  const html = await answer.text();
  const words = (text) => text.replace(/<time[^]*?<\/time>/g, "");
  if (words(html) !== runs.dataset.seen) {
    if (runs.dataset.seen !== undefined) replacePart(runs, html);
    runs.dataset.seen = words(html);
  }
});
