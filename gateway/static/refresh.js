// "Nobody has read it yet" changes as people read. For ten minutes: looking must not keep a session alive for ever.

const EVERY = 4000;
const ENDS = performance.now() + 10 * 60 * 1000;

for (const part of document.querySelectorAll("[data-refresh]")) {
  const timer = setInterval(async () => {
    if (performance.now() > ENDS) return clearInterval(timer);
    if (document.hidden) return;
    try {
      const answer = await fetch(part.dataset.refresh, { headers: { Accept: "text/html", "X-Safekeep-Background": "1" } });
      if (!answer.ok || answer.redirected) return;
      const next = (await answer.text()).trim();
      if (next !== part.innerHTML.trim() && next !== part.dataset.last) {
        part.dataset.last = next;
        part.innerHTML = next;
      }
    } catch {
      // not connected: try again
    }
  }, EVERY);
}
