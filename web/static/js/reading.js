// What was on the screen for a moment is read: here, in the title, and for what a reply knows of.
import { change } from "./request.js";
import { newestInbound, newestShown } from "./timeline.js";
import { conversationPath, openId, pane } from "./words.js";

const MOMENT = 1200, AGAIN = 5000;
let timer = 0;
const done = new Map(); // conversation → newest message read

function plan() {
  clearTimeout(timer);
  if (openId() && !document.hidden) timer = setTimeout(mark, MOMENT);
}

function mark() {
  const id = openId(), newest = newestInbound();
  if (!id || !newest || document.hidden) return;
  const box = document.getElementById("scroll");
  if (box.scrollHeight - box.scrollTop - box.clientHeight > 200 && done.has(id)) return; // the new ones are out of sight
  const seen = pane().querySelector("[name=seen_message_id]");
  if (seen) seen.value = newestShown();
  if (done.get(id) === newest && !document.getElementById(`row-${id}`)?.hasAttribute("data-unread")) return;
  done.set(id, newest);
  change("PUT", `${conversationPath(id)}/reading`, { message: newest }, { quiet: true }).catch(() => { timer = setTimeout(mark, AGAIN); }); // the line is gone, or was
}

for (const event of ["conversation-shown", "timeline-changed", "visibilitychange"]) document.addEventListener(event, plan);
document.addEventListener("scrollend", plan, true);
plan();
