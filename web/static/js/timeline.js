// The open conversation's timeline: entries in order, days separated, what one person says in a row joined, the end kept in sight.
import { morph, parse } from "./morph.js";
import { announce } from "./toast.js";
import { fill, pane, words } from "./words.js";

const JOIN_SECONDS = 300;
const list = () => document.querySelector("#conversation .timeline");
const scroller = () => document.getElementById("scroll");
const place = (entry) => [Number(entry.dataset.at), Number(entry.dataset.order), Number(entry.dataset.number)];
const later = (one, other) => { for (const i of [0, 1, 2]) if (one[i] !== other[i]) return one[i] > other[i]; return false; };
let changed = false, wasAtEnd = true;

export function putEntry(html) {
  const next = parse(html), timeline = list();
  if (!timeline) return;
  remember();
  const client = next.dataset.client;
  if (client) timeline.querySelector(`[data-pending][data-client="${CSS.escape(client)}"]`)?.remove();
  const current = document.getElementById(next.id);
  if (!current && isEarlier(next)) return;
  const entry = current ?? document.importNode(next, true);
  if (current) morph(current, next);
  if (!current && next.classList.contains("in")) announce(fill(words.new_message, { name: next.querySelector("header b").textContent }));
  sort(entry, timeline);
}

export function dropEntry(id) {
  remember();
  document.getElementById(id)?.remove();
}

// After a frame's changes: separators anew, and the end in sight if it was.
export function tidy() {
  if (!changed) return;
  changed = false;
  arrange();
  if (wasAtEnd) toEnd();
  document.dispatchEvent(new CustomEvent("timeline-changed"));
}

export function arrange() {
  let previous = null;
  const firstNew = list()?.dataset.firstNew;
  for (const entry of list()?.children ?? []) {
    const newDay = entry.dataset.day !== previous?.dataset.day;
    entry.toggleAttribute("data-first-of-day", newDay);
    entry.toggleAttribute("data-first-new", Boolean(firstNew) && entry.id === firstNew);
    entry.toggleAttribute("data-joined", !newDay && entry.id !== firstNew && joins(previous, entry));
    previous = entry;
  }
}

export function toEnd() {
  const box = scroller();
  if (box) box.scrollTop = box.scrollHeight;
}

// Where reading goes on: the first new message, else the end.
export function toNews() {
  const first = document.querySelector("#conversation .entry[data-first-new]");
  if (first) first.scrollIntoView({ block: "center" });
  else toEnd();
}

export const newestInbound = () =>
  Math.max(Number(pane()?.dataset.newest ?? 0), ...[...document.querySelectorAll("#conversation .entry.message.in")].map((entry) => Number(entry.dataset.number)));

// What a reply knows of: the newest that is shown, whoever said it.
export const newestShown = () =>
  Math.max(0, ...[...document.querySelectorAll("#conversation .entry.message:not([data-pending])")].map((entry) => Number(entry.dataset.number)));

function joins(previous, entry) {
  const plain = (one) => one?.classList.contains("message") && !one.querySelector(".answers");
  return plain(previous) && plain(entry) && previous.dataset.author === entry.dataset.author && entry.dataset.at - previous.dataset.at < JOIN_SECONDS;
}

function sort(entry, timeline) {
  const mine = place(entry);
  let next = timeline.lastElementChild;
  while (next && (next === entry || later(place(next), mine))) next = next.previousElementSibling;
  const after = next ? next.nextElementSibling : timeline.firstElementChild;
  if (after !== entry) timeline.insertBefore(entry, after);
}

const isEarlier = (entry) => document.querySelector("[data-earlier]") && list().firstElementChild && later(place(list().firstElementChild), place(entry));

function remember() {
  if (changed) return;
  changed = true;
  const box = scroller();
  wasAtEnd = !box || box.scrollHeight - box.scrollTop - box.clientHeight < 60;
}

// The composer grows and images arrive: whoever was at the end stays there.
let atEnd = true;
const sized = new ResizeObserver(() => { if (atEnd) toEnd(); });
function follow() {
  sized.disconnect();
  atEnd = true;
  if (!scroller()) return;
  sized.observe(scroller());
  sized.observe(list());
}
document.addEventListener("scroll", ({ target }) => { if (target.id === "scroll") atEnd = target.scrollHeight - target.scrollTop - target.clientHeight < 60; }, true);
document.addEventListener("conversation-shown", follow);

arrange();
follow();
toNews();
