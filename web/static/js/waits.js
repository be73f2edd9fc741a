// Who waits, seen and corrected: a sign at each message that opened a wait; "this waits for an answer" and "no answer needed", with undo.
import { offerUndo } from "./actions.js";
import { choose, option } from "./choosers.js";
import { moderating } from "./moderation.js";
import { change } from "./request.js";
import { beginSplit } from "./splitting.js";
import { toast } from "./toast.js";
import { conversationPath, openId, words } from "./words.js";

const list = (name) => (document.querySelector("#conversation .whom")?.dataset[name] ?? "").split(",").filter(Boolean);
const author = (entry) => entry.dataset.author.match(/^in(\d+)\//)?.[1];
const isWaiting = (entry) => list("waiting").includes(author(entry));

function mark() {
  const opened = new Set(list("opened"));
  for (const entry of document.querySelectorAll("#conversation .entry.message")) entry.toggleAttribute("data-waits", opened.has(entry.dataset.number));
}

export async function sayWaits(waits, entry = chosen(waits)) {
  if (!entry) return toast(waits ? words.nothing_waits : words.nobody_waits);
  const path = `${conversationPath()}/messages/${entry.dataset.number}/wait`;
  if (waits && isWaiting(entry)) return toast(words.waits_already);
  await change("PUT", path, { waits });
  offerUndo(waits ? words.waits : words.no_answer, () => change("DELETE", path), openId());
}

// The message in hand, else the newest that could wait, or the one that has waited longest.
function chosen(waits) {
  const focused = document.activeElement.closest(".entry.message.in");
  if (focused) return focused;
  if (!waits) return document.getElementById(`message-${list("opened")[0]}`);
  return newest();
}

const newest = () => [...document.querySelectorAll("#conversation .entry.message.in")].filter((entry) => entry.querySelector("[data-menu]")).at(-1);

export function openMenu(entry = document.activeElement.closest(".entry.message:has([data-menu])") ?? newest()) {
  if (!entry) return;
  const deeds = moderating(entry), ours = entry.classList.contains("out");
  const waits = !isWaiting(entry), link = entry.querySelector(".said-acts a[href]");
  const said = waits ? option("menu-waits", words.action.waits, { does: "waits" }) : option("menu-waits", words.action["no-answer"], { does: "waits" });
  const first = ours ? [] : [said, option("menu-answer", words.action.reply, { does: "answer" })];
  const options = [...first, ...deeds.map(({ item }) => item), option("menu-split", words.action.split, { does: "split" }), option("menu-link", words.message_link, { does: "link" })];
  if (link) options.push(option("menu-open", link.ariaLabel, { does: "open" }));
  const usual = {
    waits: () => sayWaits(waits, entry),
    answer: () => entry.querySelector("[data-answer]").click(),
    split: () => beginSplit(entry),
    link: () => copy(entry.id),
    open: () => link.click(),
    ...Object.fromEntries(deeds.map(({ item, run }) => [item.dataset.does, run])),
  };
  choose(document.getElementById("choose-message"), options, ({ dataset }) => usual[dataset.does]());
}

async function copy(id) {
  await navigator.clipboard.writeText(new URL(`${conversationPath()}#${id}`, location.href).href);
  toast(words.copied);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-menu]");
  if (button) openMenu(button.closest(".entry"));
});
for (const event of ["conversation-shown", "page-changed"]) document.addEventListener(event, mark);
mark();
