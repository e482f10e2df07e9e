// SPDX-License-Identifier: Apache-2.0
// What is on trial: counts down, and looks whether somebody else has decided.

const trial = document.getElementById("trial");
const shown = document.getElementById("left");
let end = trial && trial.dataset.left ? performance.now() + Number(trial.dataset.left) * 1000 : null;

function tick() {
  if (end === null || !shown) return;
  const left = Math.max(0, Math.round((end - performance.now()) / 1000));
  shown.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  trial.classList.toggle("soon", left <= 30);
}

async function look() {
  try {
    const answer = await fetch("/trial/state", { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const state = await answer.json();
    if (!state.trying || (state.left_seconds === null) !== (end === null)) location.reload();
    else if (state.left_seconds !== null) end = performance.now() + state.left_seconds * 1000;
  } catch {
    // The server is away for a moment: the timer of systemd needs neither it nor us.
  }
}

if (trial) {
  setInterval(tick, 500);
  setInterval(look, 3000);
}
