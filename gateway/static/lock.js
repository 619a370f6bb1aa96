// Nobody there for a while, or Lock, or Esc twice: every tab shows the lock screen, and what was half written waits behind it.
// The server locks by itself as well, a little later: a page without this file is not open any longer.

const screen = document.querySelector("[data-lock]");
if (screen) {
  const after = Number(screen.dataset.lock) * 1000;
  const warning = document.querySelector("[data-lock-warning]");
  const form = screen.querySelector("form");
  const said = screen.querySelector("[data-said]");
  const tabs = new BroadcastChannel("safekeep-lock");
  const csrf = form.elements.csrf_token.value;
  let activeAt = Date.now();
  let toldAt = Date.now();
  let escapedAt = 0;
  let focused = null;

  const isLocked = () => !screen.hidden;

  const rest = () => [...document.body.children].filter((part) => part !== screen);

  const show = () => {
    if (isLocked()) return;
    focused = document.activeElement;
    for (const part of rest()) part.inert = true;
    document.documentElement.classList.add("sk-is-locked");
    warning.textContent = "";
    said.textContent = "";
    screen.hidden = false;
    form.elements.secret.value = "";
    form.elements.secret.focus();
  };

  const hide = () => {
    screen.hidden = true;
    document.documentElement.classList.remove("sk-is-locked");
    for (const part of rest()) part.inert = false;
    activeAt = Date.now();
    focused?.focus?.();
  };

  const lock = () => {
    if (isLocked()) return;
    show();
    tabs.postMessage("lock");
    post("/lock").catch(() => {});
  };

  const post = (address, fields = {}) =>
    fetch(address, { method: "POST", body: new URLSearchParams({ csrf_token: csrf, ...fields }), headers: { Accept: "application/json" } });

  const active = () => {
    if (isLocked()) return;
    const now = Date.now();
    if (now - activeAt > 5000) tabs.postMessage("active");
    activeAt = now;
    warning.textContent = "";
    if (now - toldAt > 45000) {
      toldAt = now;
      post("/still-here").then((answer) => answer.status === 401 && show()).catch(() => {});
    }
  };

  tabs.onmessage = ({ data }) => {
    if (data === "lock") show();
    else if (data === "unlock") hide();
    else if (data === "active" && !isLocked()) {
      activeAt = Date.now();
      warning.textContent = "";
    }
  };

  for (const kind of ["input", "pointerdown", "keydown", "scroll"]) window.addEventListener(kind, active, { capture: true, passive: true });

  window.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return (escapedAt = 0);
    const isChoosing = event.target.getAttribute?.("aria-expanded") === "true" || event.defaultPrevented;
    const now = Date.now();
    if (!isChoosing && now - escapedAt < 1000) lock();
    escapedAt = isChoosing ? 0 : now;
  });

  for (const button of document.querySelectorAll("form[data-lock-now]"))
    button.addEventListener("submit", (event) => {
      event.preventDefault();
      lock();
    });

  const look = () => {
    if (isLocked()) return;
    const left = after - (Date.now() - activeAt);
    if (left <= 0) lock();
    else if (left <= 60000) warning.textContent = warning.dataset.say;
  };
  setInterval(look, 1000);
  document.addEventListener("visibilitychange", look); // a phone that slept
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    said.textContent = "";
    try {
      const answer = await post("/unlock", { secret: form.elements.secret.value });
      if (answer.ok && !answer.redirected) {
        form.elements.secret.value = "";
        hide();
        tabs.postMessage("unlock");
        return;
      }
      const problem = await answer.json().catch(() => ({}));
      if (problem.type?.endsWith("session-ended") || problem.type?.endsWith("not-signed-in")) return location.assign("/sign-in?why=ended");
      said.textContent = answer.status === 401 ? screen.dataset.sayWrong : problem.detail || screen.dataset.sayWrong;
    } catch {
      said.textContent = screen.dataset.sayAway;
    }
    form.elements.secret.select();
  });
}
