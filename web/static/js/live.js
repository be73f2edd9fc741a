// The websocket: says what the page shows, hands over what changed, finds its way back after sleep or a lost line.
import { root, words, workspace } from "./words.js";

const FIRST_WAIT = 500, LONGEST_WAIT = 20000, PING = 20000, PATIENCE = 10000;
const listeners = new Set();
let socket, tries = 0, shown = null, lastHeard = 0, retry = 0;
export const state = { eventId: Number(root.dataset.event), status: "connecting" };

export const onFrame = (listener) => listeners.add(listener);
export const onStatus = (listener) => document.addEventListener("live-status", () => listener(state.status));

export function connect() {
  clearTimeout(retry);
  if (socket && socket.readyState < WebSocket.CLOSING) return;
  const address = new URL(`${workspace}/live?after=${state.eventId}`, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  socket = new WebSocket(address);
  socket.onopen = () => { tries = 0; lastHeard = Date.now(); setStatus("live"); if (shown) send({ ...shown, after: state.eventId }); };
  socket.onmessage = (message) => { lastHeard = Date.now(); hear(JSON.parse(message.data)); };
  socket.onclose = async (event) => {
    if (tries > 1 && navigator.onLine) await check();
    if (event.code === 4401) return location.reload(); // signed out or removed: the server says where to go
    setStatus(navigator.onLine ? "lost" : "offline");
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** tries++) * (0.7 + Math.random() * 0.6);
    retry = setTimeout(connect, wait);
  };
}

// What the page shows now; `after` is the event id that it was rendered at.
export function show(what, after = state.eventId) {
  shown = { t: "show", ...what };
  send({ ...shown, after });
}

export function send(message) {
  if (socket?.readyState !== WebSocket.OPEN) return false;
  socket.send(JSON.stringify(message));
  return true;
}

function hear(frame) {
  if (frame.id) state.eventId = Math.max(state.eventId, frame.id);
  for (const listener of listeners) listener(frame);
}

// A socket that is refused does not say why: the page's own address does.
async function check() {
  const response = await fetch(location.href, { headers: { "x-fragment": "list" } }).catch(() => null);
  if (response && [401, 404].includes(response.status)) location.reload();
}

function setStatus(status) {
  state.status = status;
  root.dataset.live = status;
  document.getElementById("live-text").textContent = { live: words.live, lost: words.lost, offline: words.offline }[status];
  document.dispatchEvent(new CustomEvent("live-status"));
}

setInterval(() => {
  if (socket?.readyState !== WebSocket.OPEN) return;
  if (Date.now() - lastHeard > PING + PATIENCE) return socket.close(); // the line is dead, though nobody said so
  send({ t: "ping" });
}, PING);
addEventListener("online", () => { tries = 0; connect(); });
addEventListener("offline", () => socket?.close());
addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) { tries = 0; connect(); } });
