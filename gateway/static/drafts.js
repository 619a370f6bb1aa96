// Every two seconds what was typed is kept on the server, for its author alone. Nothing is kept in the browser.
// While the server cannot be reached a form is not sent: the browser would put its own page in the place of the words.

import { fieldsOf } from "./alerting.js";

const PATIENCE = 15_000; // milliseconds that a save may take: a server that waits for another has answered by then, and a connection that hangs is none
const MOST = 60_000; // bytes: browsers carry 64 KiB for a page that is gone, and no more

for (const form of document.querySelectorAll("form[data-draft]")) {
  const said = form.querySelector("[data-saved]");
  let typed = 0; // how often something was typed
  let kept = 0; // and up to which of them the server has it, or was sent it
  let saving = null; // the save under way
  let hasFailed = false;
  let isOver = false;
  let isHeld = false; // a press of a button waits for a save
  let wasHeld = false; // or waited in vain
  let mayGo = false;

  const isUnsaved = () => typed > kept && !isOver;
  const changed = () => {
    typed += 1;
  };
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);

  /** Save what is typed, and say so. Returns whether the form itself would arrive now. */
  const keep = async () => {
    const sent = typed;
    const { sentence, arrives, why } = await save(form);
    hasFailed = sentence === null;
    if (!hasFailed) [kept, wasHeld] = [sent, false];
    isOver = sentence === form.dataset.sayOver;
    say(sentence ?? why ?? (wasHeld ? form.dataset.sayHeld : form.dataset.sayUnsaved), hasFailed);
    saving = null;
    return arrives;
  };
  const say = (sentence, isBad = false) => {
    if (!said || said.textContent === sentence) return; // once more would be read out once more
    said.textContent = sentence;
    said.className = isBad ? "govuk-error-message" : "sk-quiet";
  };

  setInterval(() => {
    if (isUnsaved() && !saving) saving = keep();
    return saving;
  }, 2000);

  // On the window, so that every script of the form has been asked before: what one of them stopped was not sent.
  window.addEventListener("submit", (event) => {
    if (event.target !== form || event.defaultPrevented) return;
    if (mayGo || !(hasFailed || saving || isHeld || navigator.onLine === false)) {
      kept = typed;
      return;
    }
    event.preventDefault();
    if (!isHeld) hold(event.submitter);
  });

  /** Send the form once a save has shown that it would arrive; else stay, and say so. */
  async function hold(button) {
    isHeld = true;
    const trying = () => {
      say(form.dataset.sayTrying);
      said?.scrollIntoView({ block: "center" });
    };
    const isLong = hasFailed || !saving ? trying() : setTimeout(trying, 500); // a save that was just under way is over in no time
    const arrives = await (saving ??= keep());
    clearTimeout(isLong);
    isHeld = false;
    if (arrives) {
      mayGo = true;
      form.requestSubmit(button);
      mayGo = false;
      return;
    }
    wasHeld = true;
    changed(); // also what was on the page when it came may be nowhere else
    say(form.dataset.sayHeld, true);
  }

  window.addEventListener("beforeunload", (event) => {
    const isOnlyHere = hasFailed || saving || navigator.onLine === false || String(fieldsOf(form)).length > MOST;
    if (isUnsaved() && isOnlyHere) event.preventDefault(); // warn
  });
  window.addEventListener("pagehide", () => {
    const body = fieldsOf(form);
    if (!isUnsaved() || String(body).length > MOST) return;
    fetch(form.dataset.draft, { method: "POST", body, keepalive: true }).catch(() => {}); // the last words before leaving
  });
}

/** Return what to say of it, or null when it could not be saved (and why, where that is known); and whether the form would arrive, and be answered with its words. */
async function save(form) {
  try {
    const headers = { Accept: "application/json" };
    const answer = await fetch(form.dataset.draft, { method: "POST", body: fieldsOf(form), headers, signal: AbortSignal.timeout(PATIENCE) });
    if (answer.status === 409) return { sentence: form.dataset.sayOver, arrives: true };
    if ([400, 401].includes(answer.status) && isOurs(answer)) return { sentence: null, arrives: true, why: form.dataset.sayStale };
    if (answer.redirected) return { sentence: null, arrives: false };
    if (!answer.ok) return { sentence: null, arrives: isOurs(answer) && (answer.status === 422 || answer.status >= 500) };
    const { saved_at: at, ended } = await answer.json();
    const time = new Date(at).toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
    return { sentence: (ended ? form.dataset.sayEnded : form.dataset.saySaved).replace("{time}", time), arrives: true };
  } catch {
    return { sentence: null, arrives: false };
  }
}

/** Whether Safekeep answered, and nothing that stands before it. */
function isOurs(answer) {
  return answer.headers.get("Content-Type")?.startsWith("application/problem+json") ?? false;
}
