// A screen on the wall: the parts that the socket pushes, put in place; full screen, and awake while it is.
import "./clock.js";
import { connect, onFrame, show, state } from "./live.js";
import { morph, parse } from "./morph.js";

const full = document.getElementById("full-screen");

onFrame((frame) => {
  if (frame.refresh || frame.ops?.some((op) => op.stale)) return void readAgain();
  for (const op of frame.ops ?? []) if (op.put) put(op.put, parse(op.html));
  document.documentElement.dataset.applied = state.eventId; // tests wait for it
});

function put(id, next) {
  const current = document.getElementById(id);
  if (current) morph(current, next);
}

// Names or rights changed, or too much was missed: the page as it is now.
async function readAgain() {
  const response = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
  if (!response) return; // the socket comes back, and asks again
  if (response.redirected || response.status === 404) return location.reload();
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const id of ["board", "board-people"]) put(id, page.getElementById(id));
  state.eventId = Number(page.documentElement.dataset.event);
  show({ board: true });
}

async function stayAwake() {
  if (document.fullscreenElement && navigator.wakeLock) await navigator.wakeLock.request("screen").catch(() => null);
}

full.hidden = !document.fullscreenEnabled;
full.addEventListener("click", () => document.documentElement.requestFullscreen());
document.addEventListener("fullscreenchange", stayAwake);
document.addEventListener("visibilitychange", () => { if (!document.hidden) stayAwake(); });
connect();
show({ board: true });
