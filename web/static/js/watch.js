// Tells the socket what the page shows: the view and its rows, and the open conversation.
import { show, state } from "./live.js";
import { openId } from "./words.js";

export function watch(after = state.eventId) {
  const list = document.getElementById("list");
  const rows = [...document.querySelectorAll("#items > .item")].map((item) => Number(item.dataset.conversation));
  const end = list.dataset.end ? list.dataset.end.split(",").map(Number) : null;
  const views = [...document.querySelectorAll("[data-count]")].map((place) => place.dataset.count);
  show({ view: list.dataset.words ? null : list.dataset.view, rows, end, views, conversation: openId() ? Number(openId()) : null }, after);
}
