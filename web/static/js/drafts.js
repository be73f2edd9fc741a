// Drafts: kept here at every key, on the server when the hand rests; restored after a crash, dropped when sent.
import { change } from "./request.js";
import { conversationPath, openId, root, workspace } from "./words.js";

const PAUSE = 800;
const key = (id) => `draft:${workspace}:${root.dataset.member}:${id}`;
const FIELDS = ["subject", "cc", "bcc", "sender"];
let timer = 0, pending = null;

document.addEventListener("input", (event) => {
  const composer = event.target.closest?.(".composer");
  if (!composer || event.target.type === "file") return;
  const id = composer.dataset.conversation, body = composer.querySelector("textarea").value;
  if (body) localStorage.setItem(key(id), body);
  else localStorage.removeItem(key(id));
  pending = { id, values: { body, mode: composer.dataset.mode } };
  for (const name of FIELDS) pending.values[name] = composer.elements[name]?.value ?? "";
  clearTimeout(timer);
  timer = setTimeout(save, PAUSE);
});

function save({ keepalive = false } = {}) {
  clearTimeout(timer);
  if (!pending) return;
  const { id, values } = pending;
  pending = null;
  change("PUT", `${conversationPath(id)}/draft`, values, { quiet: true, keepalive }).catch(() => {}); // it is still kept here
}

export function clearDraft(id) {
  clearTimeout(timer);
  pending = null;
  localStorage.removeItem(key(id));
}

// A note and a reply have texts of their own: what the team may read only does not go out because a tab was pressed.
export function exchange(id, from, to, text) {
  const aside = (mode) => `${key(id)}:${mode}`;
  if (text) localStorage.setItem(aside(from), text);
  const back = localStorage.getItem(aside(to)) ?? "";
  localStorage.removeItem(aside(to));
  return back;
}

function restore() {
  const box = document.querySelector(".composer textarea"), mine = openId() && localStorage.getItem(key(openId()));
  if (box && mine && !box.value) box.value = mine;
}

document.addEventListener("conversation-left", () => save());
document.addEventListener("conversation-shown", restore);
addEventListener("pagehide", () => save({ keepalive: true }));
restore();
