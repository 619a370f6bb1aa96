// "Notify me on this device": asks the browser, and gives what its push service says to the server. Only after the button: no page asks by itself.

const part = document.querySelector("[data-notify]");
const CAN = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

const plain = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

if (part && CAN) {
  const said = document.querySelector("[data-notify-said]");
  const say = (sentence) => (said.textContent = sentence);
  part.hidden = false;
  document.querySelector("[data-notify-cannot]")?.remove();
  part.querySelector("button").addEventListener("click", async () => {
    say(part.dataset.sayWaiting);
    if ((await Notification.requestPermission()) !== "granted") return say(part.dataset.sayRefused);
    try {
      const registration = await navigator.serviceWorker.register(part.dataset.worker);
      await navigator.serviceWorker.ready;
      const old = await registration.pushManager.getSubscription();
      const isOurs = old && plain(old.options.applicationServerKey) === part.dataset.key;
      if (old && !isOurs) await old.unsubscribe(); // made with a key that is no more
      const key = bytes(part.dataset.key);
      const subscription = isOurs ? old : await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
      const fields = { csrf_token: part.querySelector("[name=csrf_token]").value, endpoint: subscription.endpoint };
      for (const name of ["p256dh", "auth"]) fields[name] = plain(subscription.getKey(name));
      const answer = await fetch(part.dataset.notify, { method: "POST", body: new URLSearchParams(fields), headers: { Accept: "application/json" } });
      if (!answer.ok) return say((await answer.json().catch(() => ({}))).detail ?? part.dataset.sayFailed);
      location.assign(`${part.dataset.notify}?said=kept`);
    } catch {
      say(part.dataset.sayFailed);
    }
  });
}
