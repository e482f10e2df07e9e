// SPDX-License-Identifier: Apache-2.0
// Editing: form and YAML show the same at any time, and are checked by the server as one types.

const form = document.getElementById("edit");
const text = document.getElementById("text");
const gutter = document.querySelector(".gutter");
const findings = document.getElementById("findings");
const verdict = document.getElementById("verdict");
const fields = [...form.querySelectorAll("[name^='f-']")];
const isNew = form.dataset.job === "";
let problems = [...findings.querySelectorAll(".place")].map((place) => ({
  line: Number(place.dataset.line),
  severity: place.closest("li").className,
}));
let asking = null;
let waiting = 0;
let idFollows = isNew;
let isDirty = false;

function element(name, words = "", kind = "") {
  const made = document.createElement(name);
  if (words) made.textContent = words;
  if (kind) made.className = kind;
  return made;
}

// What stands between backticks is code, as on pages that the server makes.
function withCode(words) {
  const parts = words.split("`");
  if (parts.length % 2 === 0) return [words];
  return parts.map((part, at) => (at % 2 ? element("code", part) : part));
}

function fix(words) {
  const made = element("p", "", "fix");
  made.append(...withCode(words));
  return made;
}

// ---- The text and its lines

function drawGutter() {
  const worst = new Map();
  for (const problem of problems) {
    if (worst.get(problem.line) !== "error") worst.set(problem.line, problem.severity);
  }
  const lines = text.value.split("\n").map((_, at) => {
    const kind = worst.get(at + 1) || "";
    return element(kind ? "b" : "span", String(at + 1), kind);
  });
  gutter.replaceChildren(...lines);
  gutter.scrollTop = text.scrollTop;
}

function goTo(line, column, length) {
  document.getElementById("yaml-view").hidden = false;
  const lines = text.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  const begin = start + Math.max(0, column - 1);
  text.focus();
  text.setSelectionRange(begin, Math.min(begin + length, start + (lines[line - 1] || "").length));
  const height = text.scrollHeight / Math.max(lines.length, 1);
  text.scrollTop = Math.max(0, (line - 4) * height);
}

// ---- What the server says

function showProblems(said, error) {
  problems = said.map(({ line, severity }) => ({ line, severity }));
  const icons = document.getElementById("signs").content;
  const items = said.map((problem) => {
    const item = element("li", "", problem.severity);
    item.append(icons.querySelector(`.${problem.severity}`).cloneNode(true));
    const body = element("div");
    if (problem.line) {
      const place = element("button", `${problem.line}:${problem.column}`, "place");
      place.type = "button";
      Object.assign(place.dataset, {
        line: problem.line, column: problem.column, length: problem.length,
      });
      body.append(place, " ");
    }
    if (problem.key) body.append(element("code", problem.key), ": ");
    body.append(...withCode(problem.message));
    if (problem.fix) body.append(fix(problem.fix));
    item.append(body);
    return item;
  });
  if (error) {
    const item = element("li", "", "error");
    item.append(icons.querySelector(".error").cloneNode(true));
    const body = element("div", error.message);
    if (error.fix) body.append(fix(error.fix));
    item.append(body);
    items.unshift(item);
  }
  findings.replaceChildren(...items);
  const isWrong = Boolean(error) || said.some((problem) => problem.severity === "error");
  document.getElementById("to-findings").hidden = !isWrong;
  verdict.className = isWrong ? "bad" : "good";
  verdict.textContent = isWrong
    ? "not applicable yet"
    : said.length ? "can be applied" : "nothing is wrong";
}

function showRuns(said) {
  document.getElementById("schedule").textContent = said.schedule || "no schedule";
  document.getElementById("not-enabled").hidden = said.enabled || said.runs.length === 0;
  const items = said.runs.map((run) => {
    const item = element("li");
    const when = element("span", `${run.words} `);
    when.append(element("span", run.zone, "faint"));
    if (run.clock_change) when.append(element("br"), element("span", run.clock_change, "badge warn"));
    if (run.skip) when.append(element("br"), element("span", run.skip, "held small"));
    item.append(when, element("span", run.in, "faint nowrap"));
    return item;
  });
  if (items.length === 0) items.push(element("li", "Nothing is to come.", "faint"));
  document.getElementById("runs").replaceChildren(...items);
}

function showTask(task) {
  const items = (task?.parameters || []).flatMap(([name, kind, words]) => {
    const title = element("dt");
    title.append(element("code", name), " ", element("span", kind, "faint"));
    return [title, element("dd", words)];
  });
  document.getElementById("task-help").replaceChildren(...items);
}

function showFields(values) {
  for (const field of fields) {
    const name = field.name.slice(2);
    const value = values[name];
    if (value === undefined || field === document.activeElement) continue;
    if (field.type === "radio") field.checked = field.value === value;
    else if (field.tagName === "SELECT") choose(field, value);
    else field.value = value;
  }
}

function choose(field, value) {
  if (![...field.options].some((option) => option.value === value)) {
    field.add(new Option(value, value));
  }
  field.value = value;
}

// ---- Asking

async function ask(view) {
  asking?.abort();
  asking = new AbortController();
  const mine = asking;
  const body = new URLSearchParams(new FormData(form));
  body.set("view", view);
  body.set("job", form.dataset.job);
  body.set("name", isNew ? "" : form.dataset.name);
  try {
    const answer = await fetch("/draft", { method: "POST", body, signal: mine.signal });
    if (!answer.ok) {
      verdict.className = "bad";
      verdict.textContent = answer.status === 401 ? "sign in again" : "could not be checked";
      return;
    }
    const said = await answer.json();
    if (mine !== asking) return;
    if (view === "form" && said.text !== text.value) text.value = said.text;
    if (view === "yaml" && said.fields) showFields(said.fields);
    showProblems(said.problems, said.error);
    if (isNew) document.querySelector("#yaml-view code").textContent = said.name;
    showRuns(said);
    showTask(said.task);
    drawGutter();
  } catch (error) {
    if (error.name !== "AbortError") {
      verdict.className = "bad";
      verdict.textContent = "the server does not answer";
    }
  }
}

function soon(view) {
  isDirty = true;
  form.elements.view.value = view;
  clearTimeout(waiting);
  waiting = setTimeout(() => ask(view), 250);
}

function followName() {
  const id = form.elements["f-id"];
  const plain = form.elements["f-name"].value.normalize("NFKD").toLowerCase();
  id.value = plain.replace(/[^\x00-\x7f]/g, "").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "")
    .slice(0, 64) || "new-job";
}

// ---- Wiring

form.querySelector("#form-view").hidden = false;
form.querySelector("#yaml-view").hidden = false;
document.getElementById("views").hidden = true;
drawGutter();
const first = Number(text.dataset.line);
if (first > 12) text.scrollTop = (first - 3) * (text.scrollHeight / text.value.split("\n").length);

text.addEventListener("input", () => {
  drawGutter();
  soon("yaml");
});
text.addEventListener("scroll", () => { gutter.scrollTop = text.scrollTop; });
text.addEventListener("keydown", (event) => {
  // Tab leaves the field, as everywhere: readers of screens and keyboards need it.
  if (event.key === "Enter" && !event.isComposing) {
    const before = text.value.slice(0, text.selectionStart).split("\n").pop();
    const indent = before.match(/^ */)[0] + (/:\s*$/.test(before) ? "  " : "");
    if (indent) {
      event.preventDefault();
      document.execCommand("insertText", false, `\n${indent}`);
    }
  }
});
for (const field of fields) {
  field.addEventListener("input", () => {
    if (field.name === "f-id") idFollows = false;
    if (field.name === "f-name" && idFollows) followName();
    soon("form");
  });
}
findings.addEventListener("click", (event) => {
  const place = event.target.closest(".place");
  if (place) {
    goTo(Number(place.dataset.line), Number(place.dataset.column), Number(place.dataset.length));
  }
});
form.addEventListener("submit", () => { isDirty = false; });
addEventListener("beforeunload", (event) => {
  if (isDirty) event.preventDefault();
});
if (Intl.supportedValuesOf) {
  document.getElementById("zones").append(
    ...Intl.supportedValuesOf("timeZone").map((zone) => new Option(zone, zone)),
  );
}
