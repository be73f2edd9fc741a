// Ctrl+K: every action by name, with its key, so that the palette teaches its own replacement; and the views.
import { actions, labelOf } from "./actions.js";
import { choose, option } from "./choosers.js";
import { caps } from "./keys.js";
import { openView } from "./navigate.js";

document.addEventListener("open-palette", () => {
  const dialog = document.getElementById("palette");
  if (dialog.open) return dialog.close();
  const commands = Object.entries(actions).filter(([id]) => id !== "palette" && id !== "open").map(([id, { key }]) => {
    const item = option(`command-${id}`, labelOf(id), { command: id });
    if (key) item.append(caps(key));
    return item;
  });
  const views = [...document.querySelectorAll("#views [data-view-link]")].map((link, i) =>
    option(`command-view-${i}`, link.querySelector(".cut").textContent, { view: link.dataset.viewLink }));
  choose(dialog, [...commands, ...views], ({ dataset }) => (dataset.view ? openView(dataset.view) : actions[dataset.command].run()));
});
