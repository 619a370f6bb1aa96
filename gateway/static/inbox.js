// An open inbox shows what comes within a second. It asks for one number, which the server has in its memory; only when that is another does it
// fetch the page. A page nobody looks at asks nothing, and looking keeps no session alive.

const EVERY = 600;
const BACKGROUND = { "X-Safekeep-Background": "1" };
const inbox = document.querySelector("[data-inbox]");

/** Put the new list in the old one's place; who was on a link of it stays on that link. */
const show = (next) => {
  const at = inbox.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  inbox.innerHTML = next.innerHTML;
  if (at) inbox.querySelector(`a[href="${CSS.escape(at)}"]`)?.focus();
};

const fetchPage = async () => {
  const answer = await fetch(location.href, { headers: { Accept: "text/html", ...BACKGROUND } });
  if (!answer.ok || answer.redirected) return false;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const next = page.querySelector("[data-inbox]");
  if (!next) return false;
  show(next);
  const count = document.querySelector("[data-unread]");
  const said = page.querySelector("[data-unread]");
  if (count && said && count.textContent !== said.textContent) count.textContent = said.textContent;
  for (const place of [".sk-banner__nav a", ".sk-bar a"]) {
    const old = document.querySelector(place);
    const fresh = page.querySelector(place);
    if (old && fresh && old.innerHTML !== fresh.innerHTML) old.innerHTML = fresh.innerHTML;
  }
  return true;
};

if (inbox) {
  let known = null;
  let waits = 0;
  const look = async () => {
    if (!document.hidden && performance.now() >= waits) {
      try {
        const answer = await fetch(inbox.dataset.inbox, { headers: { Accept: "application/json", ...BACKGROUND } });
        if (!answer.ok || answer.redirected) waits = performance.now() + 10000; // locked, or over: it may come back
        else {
          const { mark, unread } = await answer.json();
          const isOther = known === null ? unread !== Number(inbox.dataset.shows) : mark !== known;
          if (mark !== null && (!isOther || (await fetchPage()))) known = mark;
        }
      } catch {
        waits = performance.now() + 3000; // not connected: try again
      }
    }
    setTimeout(look, EVERY);
  };
  look();
}
