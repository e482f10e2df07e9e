// SPDX-License-Identifier: Apache-2.0
// The timeline: another width without a new page, jobs that are found while one types.

const board = document.getElementById("board");
const find = document.getElementById("q");

function widen(zoom) {
  const pane = board.parentElement;
  const names = board.querySelector(".head-name").offsetWidth;
  const middle = (pane.scrollLeft + (pane.clientWidth - names) / 2) / (board.scrollWidth - names);
  board.className = `lanes-in zoom-${zoom}`;
  pane.scrollLeft = middle * (board.scrollWidth - names) - (pane.clientWidth - names) / 2;
  for (const link of document.querySelectorAll("[data-zoom]")) {
    if (link.dataset.zoom === String(zoom)) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  const address = new URL(location.href);
  address.searchParams.set("zoom", zoom);
  history.replaceState(null, "", address);
  const field = document.querySelector("input[name=zoom]");
  if (field) field.value = zoom;
}

function showNow() {
  const line = board.querySelector(".now");
  const pane = board.parentElement;
  if (!line || pane.scrollWidth <= pane.clientWidth) return;
  const names = board.querySelector(".head-name").offsetWidth;
  const share = parseFloat(line.getAttribute("x1")) / 100;
  pane.scrollLeft = share * (board.scrollWidth - names) - (pane.clientWidth - names) / 2;
}

function showFound() {
  const wanted = find.value.trim().toLowerCase();
  for (const row of board.querySelectorAll("li.row")) {
    row.hidden = !row.dataset.words.includes(wanted);
  }
}

async function refresh() {
  // Not while somebody is at a mark: it would be gone under the fingers.
  if (document.hidden || board.contains(document.activeElement) || board.matches(":hover")) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("board");
    if (!fresh) return;
    board.replaceChildren(...fresh.childNodes);
    showFound();
  } catch {
    // The next time.
  }
}

if (board) {
  showNow();
  if (board.querySelector(".now")) setInterval(refresh, 60000);
  for (const link of document.querySelectorAll("[data-zoom]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      widen(link.dataset.zoom);
    });
  }
  find.addEventListener("input", showFound);
}
