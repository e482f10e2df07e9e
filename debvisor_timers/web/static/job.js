// SPDX-License-Identifier: Apache-2.0
// The page of a job: its points lead to their runs, and what changes is shown while one looks.

import { every, replacePart } from "./page.js";

const chart = document.getElementById("chart");
const parts = document.querySelectorAll("[data-live]");
let etag = document.querySelector("[data-etag]").dataset.etag;

chart?.addEventListener("click", (event) => {
  const run = event.target.dataset?.run;
  if (run) location.href = `/jobs/${chart.dataset.job}/runs/${run}`;
});

every(2000, async () => {
  const address = new URL(location.href);
  address.searchParams.set("part", "live");
  const answer = await fetch(address, { headers: { "If-None-Match": etag }, cache: "no-store" });
  if (answer.status === 401) location.reload();
  if (answer.status !== 200) return;
  etag = answer.headers.get("ETag");
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of parts) {
    const fresh = page.getElementById(part.id);
    if (fresh) replacePart(part, fresh.innerHTML);
  }
});
