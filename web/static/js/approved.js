// Where the platform's window is closed: its own approved texts, filled in and sent; and the composer that knows when it is.
import { setMode } from "./composer.js";
import { change } from "./request.js";
import { toast } from "./toast.js";
import { conversationPath, fill, openId, words } from "./words.js";

const dialog = () => document.getElementById("approved");
const VARIABLE = /\{\{\s*(\d+)\s*\}\}/g;
let texts = [], key = ""; // one key for each time that the dialog is opened: sent twice, it is one reply

export async function openApproved() {
  if (!openId() || !document.querySelector("[data-action=approved]")) return;
  const response = await fetch(`${conversationPath()}/approved`, { headers: { accept: "application/json" } }).catch(() => null);
  const answer = (await response?.json().catch(() => null)) ?? {};
  if (!response?.ok) return toast(answer.detail ?? words.failed, { bad: true, seconds: 8 });
  texts = answer, key = crypto.randomUUID();
  if (!texts.length) return toast(words.no_approved);
  const select = dialog().querySelector("select");
  select.replaceChildren(...texts.map((text, i) => new Option(`${text.name} · ${text.language}`, i)));
  select.onchange = draw;
  dialog().querySelector("form").onsubmit = send;
  draw();
  dialog().showModal();
}

const chosen = () => texts[dialog().querySelector("select").value];
const values = () => [...dialog().querySelectorAll(".approved-values input")].map((input) => input.value.trim());

function draw() {
  const fields = chosen().variables.map((number) => {
    const field = document.createElement("div"), label = document.createElement("label"), input = document.createElement("input");
    Object.assign(field, { className: "field" });
    Object.assign(label, { htmlFor: `approved-${number}`, textContent: fill(words.blank, { n: number }) });
    Object.assign(input, { id: `approved-${number}`, required: true, maxLength: 1000, dir: "auto", oninput: preview });
    field.append(label, input);
    return field;
  });
  dialog().querySelector(".approved-values").replaceChildren(...fields);
  preview();
}

function preview() {
  const given = new Map(chosen().variables.map((number, i) => [number, values()[i]]));
  dialog().querySelector("blockquote").textContent = chosen().text.replace(VARIABLE, (all, number) => given.get(Number(number)) || all);
}

async function send(event) {
  event.preventDefault();
  const { name, language } = chosen();
  try {
    await change("POST", `${conversationPath()}/approved`, { client_key: key, name, language, value: values() });
    dialog().close();
  } catch { /* it was told, and what was filled in stays */ }
}

// A closed window leaves the note; when it opens again, so does the reply.
let forced = null;
export function heed() {
  const form = document.querySelector(".composer"), closed = document.querySelector(".window")?.hasAttribute("data-closed");
  if (!form) return;
  if (closed && form.dataset.mode !== "note") { forced = form.id; setMode("note", { focus: false }); }
  if (!closed && forced === form.id) { forced = null; setMode("reply", { focus: false }); }
}
for (const event of ["conversation-shown", "page-changed", "window-changed"]) document.addEventListener(event, heed);
heed();
