// Searching while typing; Enter goes on to what was found.
import { openView, view } from "./navigate.js";

const PAUSE = 200;
const box = () => document.getElementById("search");
let timer = 0;

function search() {
  clearTimeout(timer);
  return openView(view(), { words: box().value.trim(), push: false });
}

document.addEventListener("input", (event) => {
  if (event.target !== box()) return;
  clearTimeout(timer);
  timer = setTimeout(search, PAUSE);
});

document.addEventListener("submit", async (event) => {
  if (!event.target.matches(".search")) return;
  event.preventDefault();
  await search();
  document.querySelector("#items .row-link")?.focus();
});
