// Lists to choose from by typing: owners, labels, times to snooze. Also the ground of the command palette.
import { change } from "./request.js";
import { assign, move, offerUndo } from "./actions.js";
import { openConversation } from "./navigate.js";
import { toast } from "./toast.js";
import { presets } from "./snooze.js";
import { conversationPath, openId, pane, root, words } from "./words.js";

// Filters the options of a dialog, moves with the arrows, hands over what was chosen.
export function choose(dialog, options, pick) {
  const input = dialog.querySelector("input"), list = dialog.querySelector("[role=listbox]");
  let shown = options, at = 0;
  const draw = () => {
    const typed = input.value.trim().toLowerCase();
    shown = options.filter((option) => option.textContent.toLowerCase().includes(typed));
    list.replaceChildren(...shown);
    mark(0);
  };
  const mark = (next) => {
    at = Math.max(0, Math.min(shown.length - 1, next));
    shown.forEach((option, i) => option.setAttribute("aria-selected", String(i === at)));
    if (shown[at]) { input.setAttribute("aria-activedescendant", shown[at].id); shown[at].scrollIntoView({ block: "nearest" }); }
    else input.removeAttribute("aria-activedescendant");
  };
  const take = () => { const option = shown[at]; if (option) { dialog.close(); setTimeout(() => pick(option)); } };
  input.oninput = draw;
  input.onkeydown = (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); mark(at + (event.key === "ArrowDown" ? 1 : -1)); }
    if (event.key === "Enter") { event.preventDefault(); take(); }
  };
  list.onclick = (event) => { at = shown.indexOf(event.target.closest("[role=option]")); take(); };
  dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
  input.value = "";
  draw();
  dialog.showModal();
}

export function option(id, text, values = {}) {
  const item = document.createElement("li");
  item.setAttribute("role", "option");
  item.id = id;
  Object.assign(item.dataset, values);
  item.append(Object.assign(document.createElement("span"), { textContent: text }));
  return item;
}

const all = new Map(); // the options that the page came with
const options = (name) => {
  if (!all.has(name)) all.set(name, [...document.querySelectorAll(`#choose-${name} [role=option]`)]);
  return all.get(name);
};
const head = () => pane().querySelector(".head").dataset;

const open = {
  assign(dialog) {
    const me = option("assign-me", words.me, { member: root.dataset.member }), nobody = option("assign-nobody", words.nobody, { member: "", team: "" });
    const others = options("assign").filter((one) => one.dataset.member !== root.dataset.member);
    choose(dialog, [me, ...others, nobody], ({ dataset }) => assign(openId(), { member: dataset.member ?? head().assignee, team: dataset.team ?? head().team }));
  },
  label(dialog) {
    const worn = new Set(head().labels.split(",").filter(Boolean));
    for (const one of options("label")) one.toggleAttribute("data-chosen", worn.has(one.textContent.trim()));
    choose(dialog, options("label"), (picked) => {
      picked.toggleAttribute("data-chosen");
      const wanted = options("label").filter((one) => one.hasAttribute("data-chosen")).map((one) => one.dataset.label);
      change("PUT", `${conversationPath()}/labels`, { label: wanted });
    });
  },
  priority(dialog) {
    for (const one of options("priority")) one.toggleAttribute("data-chosen", one.dataset.priority === head().priority);
    const id = openId(), put = (priority) => change("PUT", `${conversationPath(id)}/priority`, { priority }), before = head().priority;
    choose(dialog, options("priority"), async ({ dataset }) => {
      await put(dataset.priority);
      offerUndo(words.prioritised, () => put(before), id);
    });
  },
  async language(dialog) {
    const id = openId(), path = `${conversationPath(id)}/language`, put = (language) => change("PUT", path, { language }), before = head().language;
    const found = (await (await fetch(path, { headers: { accept: "application/json" } })).json()).map(({ code, name }) => option(`language-${code}`, name, { language: code }));
    for (const one of found) one.toggleAttribute("data-chosen", one.dataset.language === before);
    choose(dialog, found, async ({ dataset }) => {
      await put(dataset.language);
      offerUndo(words.language_changed, () => put(before), id);
    });
  },
  async merge(dialog) {
    const id = openId(), path = `${conversationPath(id)}/merge`, found = await (await fetch(path, { headers: { accept: "application/json" } })).json();
    if (!found.length) return toast(words.nothing_to_merge);
    choose(dialog, found.map((one) => option(`merge-${one.id}`, [one.who, one.about].filter(Boolean).join(": "), { into: one.id })), async ({ dataset }) => {
      await change("PUT", path, { into: dataset.into });
      offerUndo(words.merged, () => change("DELETE", path), id);
      openConversation(dataset.into);
    });
  },
  snooze(dialog) {
    choose(dialog, presets().map(({ text, until }, i) => option(`snooze-${i}`, text, { until: until.toISOString() })), ({ dataset }) =>
      move(openId(), "snoozed", words.snoozed, { until: dataset.until }));
  },
};

export const openChooser = (name) => open[name](document.getElementById(`choose-${name}`));
