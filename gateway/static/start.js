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

// It keeps a hurried second press from sending a form again; the server would know it as the same anyway.

for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 5000); // an answer that never came may be asked for again
  });
}

// A page brought back from the browser's memory may be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-once]")) delete form.dataset.sent;
});

// What has gone wrong is read out first.
document.querySelector("#problems, [data-focus]")?.focus();
