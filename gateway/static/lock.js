// Nobody there for a while, or Lock, or Esc twice: every tab shows the lock screen instead of its content, and what was half
// written waits behind it. The server locks by itself as well, ten seconds later: a page without this file is not open any longer.

import { CAN, ask as askKey } from "./key.js";

const screen = document.querySelector("[data-lock]");
if (screen) {
  const after = Number(screen.dataset.lock) * 1000;
  const warning = document.querySelector("[data-lock-warning]");
  const form = screen.querySelector("form");
  const said = screen.querySelector("[data-said]");
  const withKey = screen.querySelector("[data-unlock-key]");
  const tabs = new BroadcastChannel("safekeep-lock");
  const csrf = form.elements.csrf_token.value; // follows from the session, so it also says whose tab this is
  const title = document.title;
  let activeAt = Date.now();
  let toldAt = Date.now();
  let telling = 0;
  let escapedAt = 0;
  let focused = null;
  let scrolled = 0;

  const isLocked = () => !screen.hidden;
  const tell = (what) => tabs.postMessage({ what, who: csrf });

  const show = () => {
    if (isLocked()) return;
    focused = document.activeElement;
    scrolled = window.scrollY;
    document.documentElement.classList.add("sk-is-locked"); // hides all else, on paper too
    document.title = screen.dataset.lockTitle;
    warning.textContent = "";
    said.textContent = "";
    screen.hidden = false;
    form.elements.secret.value = "";
    form.elements.secret.focus();
  };

  const hide = () => {
    screen.hidden = true;
    form.elements.secret.value = "";
    document.documentElement.classList.remove("sk-is-locked");
    document.title = title;
    activeAt = Date.now();
    window.scrollTo(0, scrolled);
    focused?.focus?.({ preventScroll: true });
  };

  const lock = () => {
    if (isLocked()) return;
    show();
    tell("lock");
    post("/lock").catch(() => {});
  };

  const post = (address, fields = {}) =>
    fetch(address, { method: "POST", body: new URLSearchParams({ csrf_token: csrf, ...fields }), headers: { Accept: "application/json" } });

  const active = () => {
    if (isLocked() || look()) return;
    const now = Date.now();
    if (now - activeAt > 5000) tell("active");
    activeAt = now;
    warning.textContent = "";
    if (!telling) telling = setTimeout(stillHere, Math.max(0, toldAt + 5000 - now));
  };

  /** Say that somebody is there, five seconds after they were at the latest: the server locks by it. */
  const stillHere = () => {
    telling = 0;
    if (isLocked()) return;
    toldAt = Date.now();
    post("/still-here").then((answer) => answer.status === 401 && show()).catch(() => {});
  };

  tabs.onmessage = ({ data }) => {
    if (data.what === "lock") show();
    else if (data.who !== csrf) return; // another person's, in the same browser: it opens nothing here
    else if (data.what === "unlock") hide();
    else if (data.what === "out") location.replace("/sign-in?why=out");
    else if (data.what === "active" && !isLocked()) {
      activeAt = Date.now();
      warning.textContent = "";
    }
  };

  for (const kind of ["input", "pointerdown", "keydown", "scroll"]) window.addEventListener(kind, active, { capture: true, passive: true });

  window.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return (escapedAt = 0);
    if (event.repeat || event.isComposing) return;
    // closing a list, a menu or a search field is what Esc is for there
    const isElsewhere = event.defaultPrevented || event.target.closest?.("[role=combobox], [aria-expanded=true], [type=search], dialog");
    const now = Date.now();
    if (!isElsewhere && now - escapedAt < 1000) lock();
    escapedAt = isElsewhere ? 0 : now;
  });

  for (const button of document.querySelectorAll("form[data-lock-now]"))
    button.addEventListener("submit", (event) => {
      event.preventDefault();
      lock();
    });
  for (const out of document.querySelectorAll("form[data-sign-out]")) out.addEventListener("submit", () => tell("out"));

  /** Lock when it is time, or warn. Returns whether it is locked. */
  const look = () => {
    if (isLocked()) return true;
    const left = after - (Date.now() - activeAt);
    if (left <= 0) lock();
    else if (left <= 60000 && !warning.textContent) warning.textContent = warning.dataset.say; // once, so that it is spoken once
    return isLocked();
  };
  setInterval(look, 1000);
  document.addEventListener("visibilitychange", look); // a phone that slept
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());

  const unlock = async (fields) => {
    said.textContent = "";
    try {
      const answer = await post("/unlock", fields);
      if (answer.ok && !answer.redirected) {
        hide();
        tell("unlock");
        return;
      }
      const problem = await answer.json().catch(() => ({}));
      if (problem.type?.endsWith("session-ended") || problem.type?.endsWith("not-signed-in")) return location.assign("/sign-in?why=ended");
      said.textContent = answer.status === 401 ? screen.dataset.sayWrong : problem.detail || screen.dataset.sayWrong;
    } catch {
      said.textContent = screen.dataset.sayAway;
    }
    form.elements.secret.select();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    unlock({ secret: form.elements.secret.value });
  });
  withKey.hidden = !CAN;
  withKey.addEventListener("click", async () => {
    said.textContent = "";
    try {
      unlock({ key: await askKey({ csrf, options: withKey.dataset.unlockKey, kind: "get" }) });
    } catch {
      said.textContent = withKey.dataset.sayFailed;
    }
  });
}
