// SPDX-License-Identifier: Apache-2.0
// The page of the REST API: each form sends its call, and shows what is answered.

import { csrf } from "./page.js";

const asked = (form) => {
  let path = form.dataset.path;
  const query = new URLSearchParams();
  const headers = { Accept: "application/json" };
  let body;
  for (const field of form.elements) {
    const value = field.value;
    if (!field.name || value === "") continue;
    if (field.dataset.place === "path") path = path.replace(`{${field.name}}`, encodeURIComponent(value));
    else if (field.dataset.place === "query") query.append(field.name, value);
    else if (field.dataset.place === "header") headers[field.name] = value;
    else body = value;
  }
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (csrf && form.dataset.method !== "GET") headers["X-CSRF-Token"] = csrf;
  const question = query.toString();
  return [path + (question && `?${question}`), { method: form.dataset.method, headers, body }];
};

const shown = (text) => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
};

const show = (form, words) => {
  const pre = document.createElement("pre");
  pre.tabIndex = 0;
  pre.textContent = words;
  form.querySelector("output").replaceChildren(pre);
};

for (const form of document.querySelectorAll("form.api-try")) {
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [address, request] = asked(form);
    show(form, `${request.method} ${address} ...`);
    try {
      const answer = await fetch(address, request);
      const text = await answer.text();
      show(form, `${request.method} ${address}\n${answer.status} ${answer.statusText}\n\n${shown(text)}`);
    } catch (error) {
      show(form, `${request.method} ${address}\n${error}`);
    }
  });
}

// A link to a call opens it.
const open = () => {
  const target = document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) target.open = true;
};
addEventListener("hashchange", open);
open();
