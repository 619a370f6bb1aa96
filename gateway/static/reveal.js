// Questions that only follow from an answer appear with it; "just now" is the moment it was chosen.

const parts = [...document.querySelectorAll("[data-shown-if]")];

function look() {
  for (const part of parts) {
    const [name, values] = part.dataset.shownIf.split("=");
    const chosen = document.querySelector(`input[name="${name}"]:checked`)?.value ?? "";
    const hasError = part.querySelector(".govuk-error-message") !== null;
    part.hidden = !values.split(",").includes(chosen) && !hasError;
  }
}

document.addEventListener("change", look);
window.addEventListener("pageshow", look);
look();

// The guidance stands beside the account; where there is no room beside it, it folds.
if (window.matchMedia("(max-width: 899px)").matches) document.querySelector(".sk-guidance")?.removeAttribute("open");

const now = document.querySelector("input[name=now_at]");
if (now) {
  const [shown, started] = [Date.parse(now.value), performance.now()];
  document.addEventListener("change", (event) => {
    if (event.target.name !== "when" || event.target.value !== "now") return;
    const moment = new Date(shown + performance.now() - started); // the server's clock, not the telephone's
    now.value = moment.toISOString();
    const words = document.querySelector("[data-now]");
    if (words) words.textContent = `(${moment.toLocaleTimeString("en-GB", { hour: "numeric", minute: "2-digit", timeZone: words.dataset.now })})`;
  });
}
