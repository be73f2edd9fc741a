// The keyboard: finds the action of a key, shows keys on buttons and in the help. Single keys can be switched off (WCAG 2.1.4).
import { actions, labelOf } from "./actions.js";
import { words } from "./words.js";

const typing = (element) => element.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
const mac = /Mac|iP/.test(navigator.platform);
let prefix = "", forget = 0;

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.defaultPrevented) return;
  if ((mac ? event.metaKey : event.ctrlKey) && event.key.toLowerCase() === "k") return run(event, "palette");
  if (event.key === "F6") { event.preventDefault(); return nextPane(event.shiftKey ? -1 : 1); }
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") return escape(event);
  if (typing(event.target) || event.altKey || event.ctrlKey || event.metaKey || localStorage.singleKeys === "off") return;
  if (event.key === " " && event.target.closest("button, summary, input, [tabindex='0']")) return; // the key presses what has the focus; a link is followed by Enter
  const key = prefix + (event.key === " " ? "Space" : event.key);
  clearTimeout(forget);
  prefix = "";
  const found = Object.keys(actions).find((id) => actions[id].key === key && !actions[id].passive);
  if (found) return run(event, found);
  if (Object.values(actions).some((action) => action.key?.startsWith(`${key} `))) {
    prefix = `${key} `;
    forget = setTimeout(() => { prefix = ""; }, 1200);
  }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-action]");
  if (!button) return;
  event.preventDefault();
  actions[button.dataset.action].run();
});

function run(event, id) {
  event.preventDefault();
  actions[id].run();
}

function escape(event) {
  if (typing(event.target)) return event.target.blur();
  actions.back.run();
}

function nextPane(direction) {
  const panes = [document.querySelector("#views a[aria-current], #views a"), document.querySelector("#items .row-link, #search"), document.getElementById("conversation")];
  const at = panes.findIndex((one) => one?.closest(".side, .pane")?.contains(document.activeElement));
  panes[(at + direction + panes.length) % panes.length]?.focus();
}

export function caps(key) {
  const box = document.createElement("span");
  box.className = "keys";
  for (const part of key.split(key.includes("+") ? "+" : " ")) box.append(Object.assign(document.createElement("kbd"), { textContent: words.keys[part] ?? part }), " ");
  return box;
}

document.addEventListener("open-help", () => {
  const sheet = document.getElementById("keys");
  const lines = Object.entries(actions).filter(([, action]) => action.key).map(([id, action]) => {
    const line = document.createElement("div"), term = document.createElement("dt"), detail = document.createElement("dd");
    term.textContent = labelOf(id);
    detail.append(caps(action.key));
    line.append(term, detail);
    return line;
  });
  sheet.querySelector("dl").replaceChildren(...lines);
  sheet.showModal();
});

document.addEventListener("pointerover", (event) => { // tooltips name the action and its key
  const button = event.target.closest?.("[data-action]");
  const action = button && actions[button.dataset.action];
  if (action && !button.title) button.title = action.key ? `${labelOf(button.dataset.action)} (${caps(action.key).textContent.trim()})` : labelOf(button.dataset.action);
});
