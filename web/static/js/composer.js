// The composer: reply or note, whom it answers, how long it is, sending.
import { length } from "./count.js";
import { clearDraft, exchange } from "./drafts.js";
import { chosenFiles, isUploading } from "./files.js";
import { queue } from "./outbox.js";
import { toast } from "./toast.js";
import { newestShown } from "./timeline.js";
import { conversationPath, fill, words } from "./words.js";

const form = () => document.querySelector(".composer");
const MAIL = ["subject", "cc", "bcc"];
const mac = /Mac|iP/.test(navigator.platform);

document.addEventListener("click", (event) => {
  const tab = event.target.closest("[data-mode-set]"), answer = event.target.closest("[data-answer]");
  if (tab) setMode(tab.dataset.modeSet);
  if (answer) answerMessage(answer.dataset.answer, answer.dataset.name);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(mac ? event.metaKey : event.ctrlKey) || !event.target.closest?.(".composer")) return;
  event.preventDefault();
  submit(event.target.closest(".composer"), { resolve: event.shiftKey });
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches(".composer")) return;
  event.preventDefault();
  submit(event.target, { resolve: event.submitter?.name === "then_resolve" });
});

document.addEventListener("input", (event) => { if (event.target.matches(".composer textarea")) count(form()); });
document.addEventListener("conversation-shown", () => { if (form()) { setMode(form().dataset.mode, { focus: false }); count(form()); } });

export function setMode(mode, { focus = true } = {}) {
  const box = form().querySelector("textarea"), { conversation, mode: before } = form().dataset;
  form().dataset.mode = mode;
  if (mode !== before) {
    const text = box.value;
    box.value = exchange(conversation, before, mode, text);
    if (box.value !== text) box.dispatchEvent(new Event("input", { bubbles: true }));
  }
  for (const tab of form().querySelectorAll("[data-mode-set]")) tab.setAttribute("aria-pressed", String(tab.dataset.modeSet === mode));
  form().elements.private.disabled = mode !== "private";
  box.placeholder = box.dataset[`${mode}Hint`];
  if (focus) box.focus();
  count(form());
}

// Put a text into the box, in front of what is there: an undone reply comes back, nothing is overwritten.
export function giveBack(text, values = new Map()) {
  const box = form()?.querySelector("textarea");
  if (!box || !text) return;
  box.value = box.value.trim() && box.value.trim() !== text.trim() ? `${text}\n\n${box.value}` : text;
  for (const name of [...MAIL, "sender"]) {
    const field = box.form.elements[name];
    if (!field || !values.get(name)) continue;
    field.value = values.get(name);
    field.closest("details").open = true;
  }
  box.dispatchEvent(new Event("input", { bubbles: true }));
  box.focus();
}

async function submit(composer, { resolve }) {
  const box = composer.querySelector("textarea"), body = box.value.trim(), note = composer.dataset.mode === "note";
  const files = chosenFiles();
  if (!note && isUploading()) return void refuse(box, words.still_uploading);
  if (!body && (note || !files.length)) return box.focus();
  const open = [...new Set(body.match(/\{\{[^{}]*\}\}/g) ?? [])];
  if (open.length && !note) return void refuse(box, fill(words.placeholders, { names: open.join(", ") }), body.indexOf(open[0]), open[0].length);
  if (!note && count(composer) < 0) return void refuse(box, composer.querySelector(".counter").textContent);
  const values = new FormData(composer);
  values.set("body", body);
  if (resolve) values.set("then_resolve", "true");
  if (note) for (const name of [...values.keys()]) if (name !== "body" && name !== "client_key") values.delete(name);
  const sent = { id: composer.dataset.conversation, path: `${conversationPath(composer.dataset.conversation)}/${note ? "notes" : "replies"}`, note, mode: composer.dataset.mode, body, files: note ? [] : files, values: [...values.entries()] };
  empty(composer, { note });
  document.dispatchEvent(new CustomEvent("sent"));
  await queue(sent);
}

function refuse(box, text, from, size) {
  toast(text, { bad: true });
  box.focus();
  if (from >= 0) box.setSelectionRange(from, from + size);
}

function empty(composer, { note }) {
  composer.querySelector("textarea").value = "";
  if (!note) composer.querySelector(".chosen-files").replaceChildren();
  composer.querySelector("[name=client_key]").value = crypto.randomUUID();
  for (const box of composer.querySelectorAll("[type=checkbox]")) box.checked = false;
  for (const name of MAIL) if (composer.elements[name]) composer.elements[name].value = ""; // the next answer has readers of its own
  composer.querySelector("[name=template_id]")?.remove();
  composer.querySelector("[name=seen_message_id]").value = newestShown();
  clearDraft(composer.dataset.conversation);
  count(composer);
}

// What is left until the platform's limit; said only when it gets near.
function count(composer) {
  const { mode, [`${mode}Limit`]: limit, [`${mode}Unit`]: unit } = composer.dataset, place = composer.querySelector(".counter"); // a note has none
  if (!limit) { place.textContent = ""; return 1; }
  const left = limit - length(composer.querySelector("textarea").value, unit);
  place.toggleAttribute("data-over", left < 0);
  place.toggleAttribute("data-near", left >= 0 && left < limit / 10);
  place.textContent = left < 0 ? fill(words.offer_split, { n: -left }) : left < limit / 4 ? fill(words.left, { n: left }) : "";
  return left;
}

export function answerMessage(id, name, mode = form()?.dataset.mode === "private" ? "private" : "reply") {
  const select = form()?.querySelector("[name=parent_id]");
  if (!select) return;
  if (![...select.options].some((one) => one.value === id)) select.prepend(Object.assign(new Option(name, id), { className: "chosen" }));
  select.value = id;
  select.selectedOptions[0].dataset.name = name;
  setMode(mode);
}

if (form()) setMode(form().dataset.mode, { focus: false });
