// Subscribes this browser to alerts. Asked for only when the person presses the button.
const button = document.getElementById("subscribe");
const hint = document.getElementById("subscribe-hint");
const possible = "serviceWorker" in navigator && "PushManager" in window && window.isSecureContext;

if (button && !possible) { button.disabled = true; hint.textContent = button.dataset.impossible; }

button?.addEventListener("click", async () => {
  button.disabled = true;
  try {
    if ((await Notification.requestPermission()) !== "granted") return say(button.dataset.denied);
    await navigator.serviceWorker.register("/service-worker.js", { scope: "/" });
    const { pushManager } = await navigator.serviceWorker.ready;
    const key = bytes(button.dataset.key);
    const subscription = (await pushManager.getSubscription()) ?? (await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }));
    const response = await fetch(button.dataset.address, { method: "POST", body: JSON.stringify(subscription), headers: { "content-type": "application/json", accept: "application/json" } });
    if (!response.ok) return say((await response.json().catch(() => ({}))).detail ?? button.dataset.failed);
    location.assign(`${location.pathname}?done=1`);
  } catch {
    say(button.dataset.failed);
  }
});

function say(text) {
  hint.textContent = text;
  button.disabled = false;
}

function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}
