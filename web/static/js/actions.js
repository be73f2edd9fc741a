// Every action once: what it does and its key. The keyboard, the palette, the help and the buttons' tooltips all read this.
import { openChooser } from "./choosers.js";
import { release, rows } from "./list.js";
import { openApproved } from "./approved.js";
import { closeConversation, loadMore, neighbour, openConversation, openView } from "./navigate.js";
import { toggleContact } from "./contact.js";
import { undoLast } from "./outbox.js";
import { change } from "./request.js";
import { beginSplit } from "./splitting.js";
import { switchTheme } from "./theme.js";
import { toast } from "./toast.js";
import { openMenu, sayWaits } from "./waits.js";
import { canAct, conversationPath, openId, pane, root, words, workspace } from "./words.js";

const act = (work) => async () => { if (openId() && canAct) await work(openId()); };
const head = () => pane().querySelector(".head");

export const actions = {
  "next-row": { key: "j", run: () => step(1) },
  "previous-row": { key: "k", run: () => step(-1) },
  "open": { key: "Enter", passive: true, run: () => document.activeElement?.click() },
  "back": { key: "Escape", passive: true, run: () => closeConversation() },
  "answer-next": { key: "Space", run: answerNext },
  "reply": { key: "r", run: () => write("reply") },
  "note": { key: "n", run: () => write("note") },
  "send": { key: "Ctrl+Enter", passive: true, run: () => document.querySelector("[data-send]")?.click() },
  "send-resolve": { key: "Ctrl+Shift+Enter", passive: true, run: () => document.querySelector("[name=then_resolve]")?.click() },
  "resolve": { key: "e", run: act((id) => move(id, "resolved", words.resolved)) },
  "reopen": { key: "o", run: act((id) => change("PUT", `${conversationPath(id)}/status`, { status: "open" })) },
  "assign": { key: "a", run: act(() => openChooser("assign")) },
  "take": { key: "i", run: act((id) => assign(id, { member: root.dataset.member, team: head().dataset.team })) },
  "snooze": { key: "s", run: act(() => openChooser("snooze")) },
  "label": { key: "l", run: act(() => openChooser("label")) },
  "merge": { key: "M", run: act(() => openChooser("merge")) },
  "split": { key: "S", run: act(() => beginSplit()) },
  "priority": { run: act(() => openChooser("priority")) },
  "language": { run: act(() => openChooser("language")) },
  "unread": { key: "u", run: markUnread },
  "pending": { key: "p", run: act((id) => move(id, "pending", words.moved)) },
  "message-menu": { key: "m", run: act(() => openMenu()) },
  "waits": { key: "w", run: act(() => sayWaits(true)) },
  "no-answer": { key: "W", run: act(() => sayWaits(false)) },
  "contact": { key: "c", run: () => openId() && toggleContact() },
  "approved": { run: act(() => openApproved()) },
  "spam": { run: act((id) => move(id, "spam", words.moved)) },
  "undo": { key: "z", run: undo },
  "show-new": { key: ".", run: release },
  "previous": { key: "[", run: () => openConversation(neighbour(-1)) },
  "next": { key: "]", run: () => openConversation(neighbour(1)) },
  "next-unread": { key: "N", run: () => openConversation(neighbour(1, { unread: true })) },
  "search": { key: "/", run: () => document.getElementById("search").focus() },
  "go-next": { key: "g i", run: () => openView("next") },
  "go-mine": { key: "g m", run: () => openView("mine") },
  "go-waiting": { key: "g w", run: () => openView("unassigned") },
  "go-open": { key: "g o", run: () => openView("open") },
  "go-alerts": { key: "g a", run: () => location.assign(`${workspace}/alerts`) },
  "go-settings": { key: "g s", run: () => location.assign(`${workspace}/settings`) },
  "palette": { key: "Ctrl+K", passive: true, run: () => document.dispatchEvent(new CustomEvent("open-palette")) },
  "help": { key: "?", run: () => document.dispatchEvent(new CustomEvent("open-help")) },
  "activity": { run: () => document.querySelector(".timeline")?.toggleAttribute("data-all") },
  "copy-link": { run: copyLink },
  "theme": { run: switchTheme },
  "keys": { run: switchKeys },
};

export const labelOf = (id) => words.action[id];

let lastChange = null; // how to take the last change of status or owner back

export async function move(id, status, said, values = {}) {
  const following = neighbour(1) ?? neighbour(-1);
  await change("PUT", `${conversationPath(id)}/status`, { status, ...values });
  offerUndo(said, () => change("DELETE", `${conversationPath(id)}/status`), id); // whoever waited waits on
  if (following) openConversation(following);
  else closeConversation();
}

export async function assign(id, owner) {
  const { assignee, team } = head().dataset;
  await change("PUT", `${conversationPath(id)}/assignment`, owner);
  offerUndo(words.assigned, () => change("PUT", `${conversationPath(id)}/assignment`, { member: assignee, team }), id);
}

export function offerUndo(said, back, id, seconds = 8) {
  const take = lastChange = { until: Date.now() + seconds * 1000, run: async () => { lastChange = null; shown.close(); await back(); openConversation(id); } };
  const shown = toast(said, { action: words.undo, key: "z", run: take.run, seconds });
}

function undo() {
  if (lastChange && Date.now() < lastChange.until) return lastChange.run();
  return undoLast();
}

async function answerNext() {
  if (!canAct) return;
  const tried = new Set([openId()]);
  const following = () => rows().map((row) => row.dataset.conversation).find((id) => !tried.has(id));
  for (;;) {
    const id = following() ?? ((await loadMore()) ? following() : null);
    if (!id) return toast(words.empty_queue);
    tried.add(id);
    try {
      await change("PUT", conversationPath(id) + "/assignment", { take: true }, { quiet: true });
    } catch (error) {
      if (error.code === "taken") continue; // a colleague was faster: the one after it
      throw error;
    }
    await openConversation(id, { focus: false });
    return write("reply");
  }
}

function write(mode) {
  if (!openId() || !canAct) return;
  document.querySelector(`[data-mode-set="${mode}"]`)?.click();
  document.querySelector(".composer textarea")?.focus();
}

async function step(direction) {
  let all = rows();
  if (!all.length) return;
  const focused = all.findIndex((row) => row.contains(document.activeElement));
  const at = focused >= 0 ? focused : all.findIndex((row) => row.hasAttribute("data-shown"));
  if (direction > 0 && at === all.length - 1 && (await loadMore())) all = rows();
  const row = all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + direction))];
  row.querySelector(".row-link").focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

async function markUnread() {
  if (!openId()) return;
  const id = openId();
  closeConversation();
  await change("PUT", `${conversationPath(id)}/reading`, { message: 0 });
  toast(words.unread);
}

async function copyLink() {
  await navigator.clipboard.writeText(new URL(conversationPath(), location.href).href);
  toast(words.copied);
}

function switchKeys() {
  localStorage.singleKeys = localStorage.singleKeys === "off" ? "on" : "off";
  toast(localStorage.singleKeys === "off" ? words.keys_off : words.keys_on);
}
