// Shows that there is something to read. The message says nothing else, and nothing is kept: no cache, no store, and no request of a page goes through here.

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("push", (event) => {
  event.waitUntil(
    self.registration.showNotification({{ title | tojson }}, { body: {{ body | tojson }}, tag: "safekeep", renotify: true }),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(
    (async () => {
      const [open] = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
      return open ? open.focus() : self.clients.openWindow("/");
    })(),
  );
});
