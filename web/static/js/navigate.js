// Moving about without loading the page: conversations and views are fetched as panes; addresses and "back" keep working.
import { markOpen, rows, forgetHeld } from "./list.js";
import { state } from "./live.js";
import { fragment } from "./request.js";
import { takeSearch } from "./search-box.js";
import { arrange, toNews } from "./timeline.js";
import { conversationPath, openId, pane, words, workspace } from "./words.js";
import { watch } from "./watch.js";
import { toast } from "./toast.js";

const scrolls = new Map(); // conversation → how far it was read down
export const view = () => document.getElementById("list").dataset.view;
let asked = 0, listsAsked = 0;

export async function openConversation(id, { push = true, focus = true } = {}) {
  if (!id || id === openId()) return focus && pane().focus({ preventScroll: true });
  const turn = ++asked;
  leave();
  for (const row of rows()) {
    row.toggleAttribute("data-shown", row.dataset.conversation === String(id));
    if (row.dataset.conversation === String(id)) row.scrollIntoView({ block: "nearest" });
  }
  const address = `${conversationPath(id)}?view=${view()}`;
  try {
    const { html, eventId } = await fragment(address, "conversation");
    if (turn !== asked) return;
    show(html, focus);
    if (push) history.pushState({}, "", address);
    watch(Math.min(eventId, state.eventId));
  } catch {
    toast(words.failed, { bad: true });
    markOpen();
  }
}

export function closeConversation({ push = true } = {}) {
  if (!openId()) return;
  const last = document.getElementById(`row-link-${openId()}`);
  leave();
  const empty = document.createElement("main");
  Object.assign(empty, { id: "conversation", className: "pane conversation", tabIndex: -1 });
  empty.append(document.getElementById("nothing-open").content.cloneNode(true));
  pane().replaceWith(empty);
  markOpen();
  last?.focus();
  if (push) history.pushState({}, "", `${workspace}/inbox?view=${view()}`);
  document.dispatchEvent(new CustomEvent("conversation-shown"));
  watch();
}

export async function openView(key, { push = true, words: search = "", more = null } = {}) {
  const query = new URLSearchParams(search ? { q: search, view: key } : { view: key });
  if (more) query.set("after", more);
  const address = `${workspace}/inbox?${query}`;
  const turn = more ? listsAsked : ++listsAsked;
  const { html, eventId } = await fragment(address, "list");
  if (turn !== listsAsked) return; // another list was wanted meanwhile: a late answer does not take its place
  const next = html.getElementById("list");
  if (more) return append(next, eventId);
  forgetHeld();
  const give = takeSearch();
  document.getElementById("list").replaceWith(next);
  give();
  for (const link of document.querySelectorAll("[data-view-link]")) {
    if (!search && link.dataset.viewLink === (link.closest("#views") ? key.split(".")[0] : key)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (push && !openId()) history.pushState({}, "", address);
  markOpen();
  document.dispatchEvent(new CustomEvent("list-shown"));
  watch(Math.min(eventId, state.eventId));
}

// The rows behind the last one, if there are any.
export async function loadMore() {
  const link = document.querySelector("[data-more]"), count = rows().length;
  if (!link) return false;
  await openView(view(), { more: new URL(link.href).searchParams.get("after") });
  return rows().length > count;
}

// The conversation before or after the open one in the list.
export function neighbour(step, { unread = false } = {}) {
  const all = rows();
  const at = all.findIndex((row) => row.dataset.conversation === openId());
  const rest = step > 0 ? all.slice(at + 1) : all.slice(0, Math.max(at, 0)).reverse();
  return rest.find((row) => !unread || row.hasAttribute("data-unread"))?.dataset.conversation ?? null;
}

function append(next, eventId) {
  const items = document.getElementById("items");
  for (const item of next.querySelectorAll(".item")) if (!document.getElementById(item.id)) items.append(item);
  document.getElementById("list-foot").replaceWith(next.querySelector("#list-foot"));
  document.getElementById("list").dataset.end = next.dataset.end;
  watch(Math.min(eventId, state.eventId));
}

function show(html, focus) {
  const next = html.getElementById("conversation");
  pane().replaceWith(next);
  markOpen();
  arrange();
  const kept = scrolls.get(openId());
  if (kept != null) document.getElementById("scroll").scrollTop = kept;
  else toNews();
  if (focus) next.focus({ preventScroll: true });
  document.dispatchEvent(new CustomEvent("conversation-shown"));
}

function leave() {
  document.dispatchEvent(new CustomEvent("conversation-left"));
  const box = document.getElementById("scroll");
  if (openId() && box && box.scrollHeight - box.scrollTop - box.clientHeight > 60) scrolls.set(openId(), box.scrollTop);
  else scrolls.delete(openId());
}

async function showEarlier(link) {
  const { html } = await fragment(`${conversationPath()}?before=${encodeURIComponent(link.dataset.earlier)}`, "conversation");
  const box = document.getElementById("scroll"), timeline = box.querySelector(".timeline"), height = box.scrollHeight;
  for (const entry of [...html.querySelectorAll(".timeline > .entry")].reverse()) if (!document.getElementById(entry.id)) timeline.prepend(entry);
  const earlier = html.querySelector("[data-earlier]");
  if (earlier) link.replaceWith(earlier);
  else link.remove();
  arrange();
  box.scrollTop += box.scrollHeight - height;
}

document.addEventListener("click", (event) => {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const row = event.target.closest(".row-link, [data-open]"), link = event.target.closest("[data-view-link]");
  const more = event.target.closest("[data-more]"), earlier = event.target.closest("[data-earlier]");
  if (row) { event.preventDefault(); openConversation(row.dataset.open ?? row.parentElement.dataset.conversation); }
  else if (link) { event.preventDefault(); followView(link.dataset.viewLink); }
  else if (more) { event.preventDefault(); loadMore(); }
  else if (earlier) { event.preventDefault(); showEarlier(earlier); }
});

function followView(key) {
  if (location.hash === "#side") location.hash = "list"; // on a phone the queues are a page of their own
  if (matchMedia("(width < 48rem)").matches) closeConversation({ push: false });
  openView(key);
}

addEventListener("popstate", () => {
  const id = location.pathname.match(/conversations\/(\d+)/)?.[1], query = new URLSearchParams(location.search);
  if ((query.get("view") ?? "next") !== view()) openView(query.get("view") ?? "next", { push: false });
  id ? openConversation(id, { push: false }) : closeConversation({ push: false });
});
markOpen();
watch();
