// Pages work without any of this: it saves steps and says sooner what is so.

import "./alerting.js";
import "./body-map.js";
import "./scan.js";
import "./suggest.js";
import "./drafts.js";
import "./coach.js";
import "./upload.js";
import "./reveal.js";
import "./refresh.js";
import "./inbox.js";
import "./notify.js";
import "./outcome.js";
import "./lock.js";
import "./key.js";
import "./password.js";

// What waits longer than half a second says what for, beside what was pressed. It lies over the page, so that nothing moves away from a finger.

const waiting = document.querySelector("[data-waiting]");
const PATIENCE = 500;
const FOOT = 140; // what a telephone has at its foot: there the words stand above
const LONGEST = 10_000; // milliseconds that a page which stays is covered there
let timers = [];

function rest() {
  for (const timer of timers) clearTimeout(timer);
  waiting.textContent = "";
}

function waitBeside(pressed, sentence) {
  rest();
  pressed.after(waiting); // empty: who listens to a page hears it when the words come
  timers = [
    setTimeout(() => {
      waiting.textContent = sentence;
      waiting.style.top = waiting.style.left = "0px";
      const [from, to] = [waiting.getBoundingClientRect(), pressed.getBoundingClientRect()];
      const isLow = to.bottom + from.height + FOOT > innerHeight;
      const left = Math.max(10, Math.min(to.left, document.documentElement.clientWidth - from.width - 10));
      waiting.style.top = `${(isLow ? to.top - from.height - 5 : to.bottom + 5) - from.top}px`;
      waiting.style.left = `${left - from.left}px`;
    }, PATIENCE),
  ];
}

// It keeps a hurried second press from sending a form again; the server would know it as the same anyway.

window.addEventListener("submit", (event) => {
  const form = event.target; // on the window, so that what another script stopped is known
  if (!form.matches("form[data-once]") || event.defaultPrevented) return; // what is under way goes first
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  setTimeout(() => delete form.dataset.sent, 5000); // an answer that never came may be asked for again
  const seen = [...form.querySelectorAll("button")].filter((button) => button.offsetParent);
  const by = event.submitter; // sent with the Enter key it may be a button that nobody sees
  const pressed = seen.find((button) => button === by) ?? seen.find((button) => button.value === by?.value) ?? seen.at(-1);
  if (pressed) waitBeside(pressed, pressed.dataset.waits ?? waiting.dataset.waiting);
});

// A document comes without a new page: nothing says when it is there, so the words are true before and after.
document.addEventListener("click", (event) => {
  const asked = event.target.closest("[data-made]");
  if (!asked || event.defaultPrevented) return;
  waitBeside(asked, waiting.dataset.made);
  timers.push(setTimeout(rest, LONGEST));
});

// A link that says it is a button is pressed like one, with the space bar too.
document.addEventListener("keydown", (event) => {
  if (event.key !== " " || !event.target.matches("a[role=button]")) return;
  event.preventDefault();
  event.target.click();
});

// Who stops the browser waits no longer.
window.navigation?.addEventListener("navigateerror", rest);

// A page brought back from the browser's memory may be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-once]")) delete form.dataset.sent;
  rest();
});

// What has gone wrong is read out first.
document.querySelector("#problems, [data-focus]")?.focus();
