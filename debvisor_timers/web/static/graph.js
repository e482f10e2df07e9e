// SPDX-License-Identifier: Apache-2.0
// The graph: sizes, dragging, and what belongs to the job that somebody points at.

const picture = document.getElementById("picture");
const sizes = document.getElementById("sizes");

function resize(scale) {
  const box = picture.viewBox.baseVal;
  picture.setAttribute("width", Math.round(box.width * scale));
  picture.setAttribute("height", Math.round(box.height * scale));
  picture.dataset.scale = scale;
}

// On a phone all of a graph at once is too small to read: it begins larger, and is scrolled.
function fit(least = 0.35) {
  const pane = picture.parentElement;
  const style = getComputedStyle(pane);
  const room = pane.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  resize(Math.min(1, Math.max(least, room / picture.viewBox.baseVal.width)));
}

function drag(pane) {
  let from = null;
  pane.addEventListener("pointerdown", (event) => {
    if (event.button === 0 && event.pointerType === "mouse" && !event.target.closest("a")) {
      from = { x: event.clientX + pane.scrollLeft, y: event.clientY + pane.scrollTop };
      pane.classList.add("held");
    }
  });
  addEventListener("pointermove", (event) => {
    if (from) pane.scrollTo(from.x - event.clientX, from.y - event.clientY);
  });
  addEventListener("pointerup", () => {
    from = null;
    pane.classList.remove("held");
  });
}

function light(job) {
  picture.classList.toggle("dim", Boolean(job));
  for (const edge of picture.querySelectorAll(".e")) {
    edge.classList.toggle("near", edge.dataset.from === job || edge.dataset.to === job);
  }
  const near = new Set([job]);
  for (const edge of picture.querySelectorAll(".e.near")) {
    near.add(edge.dataset.from);
    near.add(edge.dataset.to);
  }
  for (const box of picture.querySelectorAll(".b")) {
    box.classList.toggle("near", near.has(box.dataset.job));
  }
}

if (picture) {
  sizes.hidden = false;
  picture.parentElement.classList.add("panned");
  drag(picture.parentElement);
  sizes.addEventListener("click", (event) => {
    const by = parseFloat(event.target.dataset.by);
    if (by) resize(Math.min(2, Math.max(0.25, (parseFloat(picture.dataset.scale) || 1) * by)));
    else fit();
  });
  if (picture.viewBox.baseVal.width > picture.parentElement.clientWidth) fit(0.8);
  for (const box of picture.querySelectorAll(".b")) {
    box.addEventListener("pointerenter", () => light(box.dataset.job));
    box.addEventListener("pointerleave", () => light(""));
    box.addEventListener("focus", () => light(box.dataset.job));
    box.addEventListener("blur", () => light(""));
  }
}
