// Reading the page again where pushing is not enough: after a long absence, or when names and rights changed. One request answers for all
// parts, so that nothing can disagree.
import { watch } from "./watch.js";
import { state } from "./live.js";
import { hideMyself } from "./presence.js";
import { morph } from "./morph.js";
import { openConversation } from "./navigate.js";
import { put } from "./ops.js";
import { arrange } from "./timeline.js";
import { forgetHeld, markOpen } from "./list.js";

const PARTS = { side: "views", list: "list", conversation: "conversation" };
let running = false, again = false, planned = false;

// Not every page at the same moment.
export function refreshSoon() {
  if (planned) return;
  planned = true;
  setTimeout(refreshAll, Math.random() * 400);
}

export const isRefreshing = () => planned || running;

export async function refreshAll() {
  if (running) { again = true; return; }
  [running, planned] = [true, false];
  try {
    const response = await fetch(location.href, { headers: { accept: "text/html" } });
    const moved = response.redirected && new URL(response.url).pathname.match(/conversations\/(\d+)$/)?.[1];
    if (moved) { again = true; return await openConversation(moved); } // it was merged: what can be undone stays offered
    if (response.redirected || response.status === 404) return location.reload();
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const id of Object.values(PARTS)) take(id, page);
    state.eventId = Number(page.documentElement.dataset.event);
    watch();
    hideMyself();
    for (const event of ["timeline-changed", "page-changed"]) document.dispatchEvent(new CustomEvent(event));
    document.documentElement.dataset.applied = state.eventId;
  } catch {
    planned = true;
    setTimeout(refreshAll, 3000);
  } finally {
    running = false;
    if (again) { again = false; refreshAll(); }
  }
}

function take(id, page) {
  const current = document.getElementById(id), next = page.getElementById(id);
  if (!current || !next) return;
  if (id === "list") forgetHeld();
  if (id === "conversation" && current.dataset.conversation !== next.dataset.conversation) return;
  morph(current, next);
  if (id === "list") markOpen();
  if (id !== "conversation") return;
  const whom = next.querySelector(".whom"); // stands in the composer, which is the page's own
  if (whom) put({ put: whom.id, html: whom.outerHTML });
  arrange();
}
