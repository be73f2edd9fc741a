// The calm list: rows change in place at once; what is new or moves waits behind a pill while the list is in somebody's hands.
import { morph, parse } from "./morph.js";
import { fill, openId, words } from "./words.js";
import { watch } from "./watch.js";

const held = new Map(); // conversation id → its place
const drawn = new Map(); // conversation id → HTML of a row that is not in the list
const left = new Map(); // conversation id → who looks at it, for a row that left and may come back
const items = () => document.getElementById("items");
const row = (id) => document.getElementById(`row-${id}`);
const order = (item) => item.dataset.place.split(",").map(Number);
const before = (one, other) => {
  const at = one.findIndex((part, i) => part !== other[i]);
  return at >= 0 && one[at] < other[at];
};

export function drawRow(id, html) {
  const item = row(id);
  if (item) morph(item.querySelector(".row-link"), parse(html));
  else drawn.set(id, html);
}

// The reader's own side of a row: whether it belongs into this view, where, unread, with a draft.
export function settleRow({ mine: id, in: belongs, place, unread, draft }) {
  const item = row(id);
  if (item) {
    item.toggleAttribute("data-unread", unread);
    item.toggleAttribute("data-draft", draft);
    if (belongs === false) return leave(item);
    item.removeAttribute("data-gone");
    if (belongs && place.join() !== item.dataset.place) busy() && !stays(item, place) ? hold(id, place) : settle(item, id, place);
    return;
  }
  if (!belongs || !drawn.has(id)) return;
  if (busy()) hold(id, place, { unread, draft });
  else put(make(id, { unread, draft }), place);
}

export function release() {
  for (const [id, { place, mine }] of held) {
    const item = row(id) ?? make(id, mine);
    if (item) put(item, place);
  }
  forgetHeld();
  for (const gone of document.querySelectorAll("#items > [data-gone]")) gone.remove();
  items().scrollTop = 0;
  watch();
}

// Who looks at a row that is not shown just now: it may come back any moment.
export const hereOf = (id) => left.get(Number(id.split("-").at(-1)));

export function forgetHeld() {
  held.clear();
  left.clear();
  showPill();
}

export function markOpen() {
  for (const item of items().children) item.toggleAttribute("data-shown", item.dataset.conversation === openId());
}

// Rows in order for j and k: those that have left are passed over.
export const rows = () => [...document.querySelectorAll("#items > .item:not([data-gone])")];

function make(id, { unread, draft }) {
  const html = drawn.get(id);
  if (!html) return null;
  drawn.delete(id);
  const item = document.createElement("li");
  item.className = "item";
  item.id = `row-${id}`;
  item.dataset.conversation = id;
  item.toggleAttribute("data-unread", unread);
  item.toggleAttribute("data-draft", draft);
  item.append(document.importNode(parse(html), true));
  item.append(left.get(id) ?? Object.assign(document.createElement("span"), { className: "here", id: `here-row-${id}` }));
  left.delete(id);
  return item;
}

function put(item, place) {
  item.dataset.place = place.join();
  item.toggleAttribute("data-shown", item.dataset.conversation === openId());
  const next = [...items().children].find((other) => other !== item && before(place, order(other)));
  const focused = item.contains(document.activeElement) ? document.activeElement : null;
  if (next ? item.nextElementSibling !== next : items().lastElementChild !== item) items().insertBefore(item, next ?? null);
  focused?.focus({ preventScroll: true });
}

// Between the same neighbours nothing moves: there is nothing to wait for.
function stays({ previousElementSibling: above, nextElementSibling: below }, place) {
  return (!above || before(order(above), place)) && (!below || before(place, order(below)));
}

function settle(item, id, place) {
  put(item, place);
  if (held.delete(id)) showPill();
}

function hold(id, place, mine) {
  held.set(id, { place, mine: mine ?? held.get(id)?.mine ?? {} });
  showPill();
}

function leave(item) {
  const id = Number(item.dataset.conversation);
  held.delete(id);
  showPill();
  if (busy()) return item.setAttribute("data-gone", "");
  left.set(id, item.querySelector(".here"));
  item.remove();
}

function busy() {
  const list = items();
  return list.scrollTop > 4 || list.matches(":hover") || list.contains(document.activeElement);
}

function showPill() {
  const pill = document.getElementById("pill");
  pill.hidden = held.size === 0;
  pill.textContent = fill(words.new_rows, { n: held.size });
}
