// Who will be sent it, kept right as choices change. The server works it out; this only shows its answer.

const PARTS = ["linked_rows", "who", "recipients"];
const CHANGES = new Set(["pupil_id", "category_codes", "groups", "ask_dsl", "staff_ids", "owner_id"]);
let newest = 0;

/** Return the form as it would be sent, without files and with `extra` fields. */
export function fieldsOf(form, extra = []) {
  const fields = [...new FormData(form)].filter(([, value]) => typeof value === "string");
  return new URLSearchParams([...fields, ...extra]);
}

/** Ask anew who will be sent it, and show that. */
export async function refresh(form) {
  const mine = ++newest;
  return show(form, await ask(form.dataset.preview, fieldsOf(form)), () => mine === newest);
}

/** Press a button of the form that finds, adds or takes off, without leaving the page. Returns whether it was done. */
export async function exchange(form, extra) {
  const mine = ++newest;
  const done = await show(form, await ask(form.action, fieldsOf(form, extra)), () => mine === newest);
  if (done) form.dispatchEvent(new Event("change"));
  return done;
}

async function ask(address, body) {
  try {
    const answer = await fetch(address, { method: "POST", body, headers: { Accept: "text/html" } });
    return answer.ok && !answer.redirected ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  } catch {
    return null; // not connected: the server shows it before it records
  }
}

function show(form, answer, isNewest) {
  if (!answer || !isNewest()) return false;
  const focused = document.activeElement?.id;
  for (const id of PARTS) {
    const [old, next] = [document.getElementById(id), answer.getElementById(id)];
    const isTypedIn = old?.contains(document.activeElement) && document.activeElement.matches("input:not([type=checkbox]), select");
    if (old && next && !isTypedIn) old.replaceWith(document.adoptNode(next));
  }
  const label = answer.getElementById("button-label") ?? answer.querySelector("[data-record]");
  const button = form.querySelector("[data-record]");
  if (label && button) button.textContent = label.textContent.trim();
  offer(form);
  if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
  return true;
}

/** Offer the button that shows it only where it is not shown: what is follows the choices by itself. */
function offer(form) {
  const button = form.querySelector("[data-preview-button]");
  if (button) button.hidden = form.elements.shown.value !== "none";
}

for (const form of document.querySelectorAll("form[data-preview]")) {
  let timer;
  offer(form);
  form.addEventListener("change", (event) => {
    if (!CHANGES.has(event.target.name)) return;
    clearTimeout(timer);
    timer = setTimeout(() => refresh(form), 80);
  });
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=do]");
    if (!button?.value.match(/^remove_(linked|staff):/)) return;
    event.preventDefault();
    exchange(form, [["do", button.value]]).then((done) => {
      if (!done) form.requestSubmit(button);
      else document.getElementById(button.value.startsWith("remove_linked") ? "linked_q" : "staff_q")?.focus();
    });
  });
}
