// Shows alerts while no page is open. It keeps nothing and answers no request.
self.addEventListener("push", (event) => {
  const told = event.data ? event.data.json() : {};
  const options = { body: told.body, tag: told.tag, renotify: Boolean(told.tag), data: { url: told.url }, icon: "/static/icon.svg" };
  event.waitUntil(self.registration.showNotification(told.title ?? "Parley", options));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const address = event.notification.data?.url;
  if (!address || new URL(address, self.location.href).origin !== self.location.origin) return;
  event.waitUntil(open(address));
});

async function open(address) {
  const pages = await self.clients.matchAll({ type: "window" });
  const page = pages.find((one) => "navigate" in one);
  if (!page) return self.clients.openWindow(address);
  await page.focus();
  return page.navigate(address);
}
