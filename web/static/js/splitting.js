// Splitting off: messages are chosen with boxes, and become a conversation of their own. What the team answered to them goes along.
import { offerUndo } from "./actions.js";
import { openConversation } from "./navigate.js";
import { change } from "./request.js";
import { conversationPath, fill, openId, root, words } from "./words.js";

const boxes = () => [...document.querySelectorAll("#conversation .choose")];
const bar = () => document.querySelector("#conversation .split-bar");
const entryOf = (box) => box.closest(".entry");
const isChoosing = () => "choosing" in root.dataset;

// Shows the boxes at once, the first choice made; where nothing can be split off, the reason is said and they go again.
export function beginSplit(entry = null) {
  const id = openId();
  root.dataset.choosing = "";
  for (const box of boxes()) box.checked = false;
  const first = entry?.querySelector(".choose") ?? boxes().findLast((box) => entryOf(box).classList.contains("in")) ?? boxes().at(-1);
  if (entry && first) take(first, true);
  count();
  first?.focus();
  first?.scrollIntoView({ block: "nearest" });
  change("GET", `${conversationPath(id)}/split`).catch(() => { if (id === openId()) end(); });
}

function end() {
  if (!isChoosing()) return;
  delete root.dataset.choosing;
  for (const box of boxes()) box.checked = false;
}

function take(box, chosen) {
  box.checked = chosen;
  for (const answer of document.querySelectorAll(`#conversation .entry.out .answers[href="#message-${box.value}"]`)) entryOf(answer).querySelector(".choose").checked = chosen;
}

function count() {
  if (!isChoosing() || !bar()) return;
  const chosen = boxes().filter((box) => box.checked), { none, all, nobody, chosen: some } = words.split;
  const isAll = chosen.length === boxes().length && !document.querySelector("[data-earlier]");
  const isNobody = !chosen.some((box) => entryOf(box).classList.contains("in"));
  const text = !chosen.length ? none : isNobody ? nobody : isAll ? all : some;
  const place = bar().querySelector(".split-count"), told = fill(text, { n: chosen.length });
  if (place.textContent !== told) place.textContent = told;
  bar().querySelector(".button-primary").disabled = !chosen.length || isNobody || isAll;
}

async function split() {
  const id = openId(), message = boxes().filter((box) => box.checked).map((box) => box.value);
  const { id: begun } = await change("POST", `${conversationPath(id)}/split`, { message });
  end();
  offerUndo(words.split.done, () => change("PUT", `${conversationPath(begun)}/merge`, { into: id }), id);
  openConversation(String(begun));
}

document.addEventListener("change", ({ target }) => {
  if (!target.matches(".choose")) return;
  take(target, target.checked);
  count();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-split-cancel]")) return end();
  const said = isChoosing() && event.target.closest(".entry.message .said");
  if (!said || event.target.closest("a, button, input, summary, label") || String(getSelection())) return;
  said.querySelector(".choose")?.click();
});

document.addEventListener("keydown", (event) => {
  if (!isChoosing() || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") { event.preventDefault(); return end(); } // before the conversation is closed by it
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !event.target.matches(".choose")) return;
  event.preventDefault();
  const all = boxes(), next = all[all.indexOf(event.target) + step];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}, true);

document.addEventListener("submit", (event) => {
  if (!event.target.matches(".split-bar")) return;
  event.preventDefault();
  split();
});

document.addEventListener("conversation-left", end);
for (const event of ["page-changed", "timeline-changed"]) document.addEventListener(event, count);
