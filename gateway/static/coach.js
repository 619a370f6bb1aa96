// The coach beside the text: after a pause in typing the server looks at it, and its answer is shown. Nothing that is typed is touched, here or there.

import { fieldsOf } from "./alerting.js";

const PARTS = ["coach-text", "coach-action_taken"];
const LOOKED_AT = new Set(["narrative", "text", "action_taken", "place", "kind", "when", "when_date", "when_time", "at_risk_now", "pupil_id"]);
const PAUSE = 700;

for (const form of document.querySelectorAll("form[data-coach]")) {
  let timer;
  let newest = 0;
  form.querySelector("[data-coach-button]").hidden = true; // it comes by itself

  const soon = (event) => {
    if (!LOOKED_AT.has(event.target.name)) return;
    clearTimeout(timer);
    if (!event.isComposing) timer = setTimeout(look, PAUSE); // words still being put together, by dictation or a keyboard, are not finished
  };
  for (const name of ["input", "change", "compositionend"]) form.addEventListener(name, soon);
  if (form.querySelector("textarea[name=narrative], textarea[name=text]")?.value.trim()) timer = setTimeout(look, PAUSE); // a draft

  async function look() {
    const mine = ++newest;
    try {
      const answer = await fetch(form.dataset.coach, { method: "POST", body: fieldsOf(form), headers: { Accept: "text/html" } });
      if (!answer.ok || answer.redirected || mine !== newest) return;
      show(form, new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // not connected: advice can wait
    }
  }
}

function show(form, answer) {
  for (const id of PARTS) {
    const [old, next] = [document.getElementById(id), answer.getElementById(id)];
    if (!old || !next || old.contains(document.activeElement) || old.innerHTML === next.innerHTML) continue;
    const wasOpen = old.querySelector("details")?.open;
    old.replaceWith(document.adoptNode(next));
    if (wasOpen) next.querySelector("details")?.setAttribute("open", "");
  }
  const [said, count] = [form.querySelector("[data-coach-count]"), answer.getElementById("coach-count")];
  if (said && count && said.textContent !== count.textContent) said.textContent = count.textContent; // read out when the number changes, not at every pause
}
