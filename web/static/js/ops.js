// What the socket says, done to the page: once for each frame of the screen, in the order of the log.
import { drawRow, hereOf, settleRow } from "./list.js";
import { onFrame, state } from "./live.js";
import { morph, parse } from "./morph.js";
import { isRefreshing, refreshAll, refreshSoon } from "./refresh.js";
import { dropEntry, putEntry, tidy } from "./timeline.js";
import { setUnread } from "./title.js";
import { openId } from "./words.js";
import { hideMyself } from "./presence.js";

let waiting = [], planned = false;
const stale = new Set();

onFrame((frame) => {
  if (frame.refresh) { waiting = []; return void refreshAll(); }
  if (!frame.ops) return;
  waiting.push(...frame.ops);
  if (planned) return;
  planned = true;
  if (document.hidden) setTimeout(flush, 50);
  else requestAnimationFrame(flush);
});

function flush() {
  planned = false;
  const ops = waiting;
  waiting = [];
  for (const op of ops) apply(op);
  tidy();
  hideMyself();
  document.dispatchEvent(new CustomEvent("page-changed"));
  if (stale.size) { stale.clear(); refreshSoon(); }
  if (!isRefreshing()) document.documentElement.dataset.applied = state.eventId; // tests wait for it
}

function apply(op) {
  if (op.put) put(op);
  else if (op.row) drawRow(op.row, op.html);
  else if (op.mine) settleRow(op);
  else if (op.entry) { if (String(op.conversation) === openId()) putEntry(op.html); }
  else if (op.drop) dropEntry(op.drop);
  else if (op.counts) for (const [view, count] of Object.entries(op.counts)) setCount(view, count);
  else if (op.stale) op.stale.forEach((part) => stale.add(part));
  if ("unread" in op && !op.mine) setUnread(op.unread);
}

export function put({ put: id, html }) {
  const current = document.getElementById(id) ?? (id.startsWith("here-row-") ? hereOf(id) : null);
  if (!current) return;
  const chosen = current.querySelector("select")?.value;
  morph(current, parse(html));
  const select = current.querySelector("select");
  if (!select) return;
  const next = parse(html).querySelector("select");
  select.replaceChildren(...next.children);
  const still = [...select.options].findIndex((option) => option.value === chosen && chosen !== "");
  select.selectedIndex = Math.max(0, still); // else whoever has waited longest, who stands first
}

function setCount(view, count) {
  const place = document.querySelector(`[data-count="${CSS.escape(view)}"]`);
  if (place) place.textContent = count || "";
}
