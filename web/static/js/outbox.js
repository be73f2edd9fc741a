// Sending without waiting: shown at once, kept until the server has it, taken back with one key.
import { setMode, giveBack } from "./composer.js";
import { giveFilesBack } from "./files.js";
import { onStatus } from "./live.js";
import { change, Refused } from "./request.js";
import { toEnd } from "./timeline.js";
import { toast } from "./toast.js";
import { conversationPath, fill, openId, root, words, workspace } from "./words.js";
import { openConversation } from "./navigate.js";
import { parse } from "./morph.js";

const KEY = `outbox:${workspace}:${root.dataset.member}`; // what the server does not have yet survives a crash
const kept = () => JSON.parse(localStorage.getItem(KEY) ?? "[]");
const keep = (list) => localStorage.setItem(KEY, JSON.stringify(list));
const keyOf = (sent) => new Map(sent.values).get("client_key");
let last = null, working = false;

export async function queue(sent) {
  showPending(sent);
  keep([...kept(), sent]);
  await work();
}

export async function undoLast() {
  if (last) await undo(last.conversation, last.message);
}

async function undo(conversation, message) {
  const { body, mode } = await change("DELETE", `${conversationPath(conversation)}/replies/${message}`);
  const sent = last?.message === message ? last.sent : { values: [] };
  if (last?.message === message) { last.shown.close(); last = null; }
  if (openId() !== String(conversation)) await openConversation(conversation);
  setMode(mode);
  giveBack(body, new Map(sent.values));
  giveFilesBack(sent.files);
  toast(words.undone);
}

// One after the other, in the order of writing; a lost line stops it until the line is back.
async function work() {
  if (working) return;
  working = true;
  try {
    for (let sent = kept()[0]; sent; sent = kept()[0]) if (!(await deliver(sent))) break;
  } finally {
    working = false;
  }
}

async function deliver(sent) {
  const values = new FormData();
  for (const [name, value] of sent.values) values.append(name, value);
  try {
    const answer = await change("POST", sent.path, values, { quiet: true });
    drop(sent);
    if (answer?.message) offerUndo(sent, answer);
    return true;
  } catch (error) {
    if (!(error instanceof Refused) || error.status >= 500) return say(sent, words.waiting_line);
    drop(sent);
    document.querySelector(`[data-pending][data-client="${CSS.escape(keyOf(sent))}"]`)?.remove();
    if (error.code === "thread_changed") await askAgain(sent);
    else { toast(error.message, { bad: true, seconds: 10 }); returnText(sent); }
    return true;
  }
}

function offerUndo(sent, { message, send_at: leaves }) {
  const seconds = Math.max(1, Math.round((new Date(leaves) - Date.now()) / 1000));
  const text = (n) => fill(words.queued, { n });
  const shown = toast(text(seconds), { action: words.undo, key: "z", run: () => undo(sent.id, message), seconds });
  last = { conversation: sent.id, message, shown, sent };
  let left = seconds;
  const tick = setInterval(() => { left -= 1; if (left <= 0) { clearInterval(tick); if (last?.message === message) last = null; } else shown.say(text(left)); }, 1000);
}

// The thread changed while it was written: show what is new, and let the person decide.
async function askAgain(sent) {
  const dialog = document.getElementById("changed"), seen = new Map(sent.values).get("seen_message_id");
  const response = await fetch(`${conversationPath(sent.id)}/news?after=${seen}`);
  dialog.querySelector(".changed-text").innerHTML = await response.text();
  for (const entry of dialog.querySelectorAll("[id^=message-]")) entry.removeAttribute("id");
  dialog.returnValue = "";
  dialog.showModal();
  dialog.onclose = () => {
    if (dialog.returnValue === "anyway") queue({ ...sent, values: [...sent.values.filter(([name]) => name !== "anyway"), ["anyway", "true"]] });
    else returnText(sent);
  };
}

async function returnText(sent) {
  if (openId() !== String(sent.id)) await openConversation(sent.id);
  setMode(sent.mode ?? (sent.note ? "note" : "reply"));
  giveBack(sent.body, new Map(sent.values));
  giveFilesBack(sent.files);
}

function showPending(sent) {
  const timeline = document.getElementById(`timeline-${sent.id}`);
  if (!timeline) return;
  const entry = parse(`<li class="entry ${sent.note ? "note" : "message out"}" data-pending><article class="said"><div class="face"></div><header></header><div class="body" dir="auto"></div><div class="delivery"></div></article></li>`);
  Object.assign(entry.dataset, { client: keyOf(sent), at: Date.now() / 1000, order: 0, number: Number.MAX_SAFE_INTEGER, author: "pending", day: timeline.lastElementChild?.dataset.day ?? "" });
  entry.querySelector(".body").textContent = sent.body;
  entry.querySelector(".delivery").textContent = words.sending;
  timeline.append(entry);
  toEnd();
}

const say = (sent, text) => {
  const line = document.querySelector(`[data-pending][data-client="${CSS.escape(keyOf(sent))}"] .delivery`);
  if (line) line.textContent = text;
  return false;
};
const drop = (sent) => keep(kept().filter((other) => keyOf(other) !== keyOf(sent)));

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-undo]");
  if (!button) return;
  event.preventDefault();
  undo(openId(), Number(button.dataset.undo));
});
document.addEventListener("submit", async (event) => { // retry, settle, and what is done to messages
  if (!event.target.closest(".delivery, .deed") || event.defaultPrevented) return;
  event.preventDefault();
  const { name, value } = event.submitter ?? {};
  await change("POST", event.target.action, name ? { [name]: value } : {}).catch(() => {});
});
document.addEventListener("conversation-shown", () => kept().filter((sent) => String(sent.id) === openId()).forEach(showPending));
onStatus((status) => { if (status === "live") work(); });
