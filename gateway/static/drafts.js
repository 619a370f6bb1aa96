// Every two seconds what was typed is kept on the server, for its author alone. Nothing is kept in the browser.

import { fieldsOf } from "./alerting.js";

for (const form of document.querySelectorAll("form[data-draft]")) {
  const said = form.querySelector("[data-saved]");
  let isUnsaved = false;
  let isSaving = false;
  let isOver = false;
  let hasFailed = false;

  const changed = () => {
    isUnsaved = true;
  };
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  form.addEventListener("submit", (event) => {
    if (!event.defaultPrevented) isUnsaved = false;
  });
  window.addEventListener("beforeunload", (event) => {
    if (isUnsaved && hasFailed) event.preventDefault(); // what is only on this page: warn
  });
  window.addEventListener("pagehide", () => {
    if (isUnsaved && !isOver) navigator.sendBeacon(form.dataset.draft, fieldsOf(form)); // the last words before leaving
  });

  setInterval(async () => {
    if (!isUnsaved || isSaving || isOver) return;
    isSaving = true;
    isUnsaved = false;
    const sentence = await save(form);
    hasFailed = sentence === null;
    if (hasFailed) isUnsaved = true;
    isOver = sentence === form.dataset.sayOver;
    if (said) said.textContent = sentence ?? form.dataset.sayUnsaved;
    isSaving = false;
  }, 2000);
}

/** Return what to say of it, or null when it could not be saved. */
async function save(form) {
  try {
    const answer = await fetch(form.dataset.draft, { method: "POST", body: fieldsOf(form), headers: { Accept: "application/json" } });
    if (answer.status === 409) return form.dataset.sayOver;
    if (!answer.ok || answer.redirected) return null;
    const { saved_at: at, ended } = await answer.json();
    const time = new Date(at).toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
    return (ended ? form.dataset.sayEnded : form.dataset.saySaved).replace("{time}", time);
  } catch {
    return null;
  }
}
