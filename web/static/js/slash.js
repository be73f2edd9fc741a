// "/" in the composer: saved replies with filter and preview, filled in for the person answered.
import { conversationPath, openId, words } from "./words.js";

const known = new Map(); // conversation and person → templates
let shown = [], at = 0;
const menu = () => document.querySelector(".template-menu");
const typed = (box) => box.value.slice(0, box.selectionStart).match(/(?:^|\s)\/([^\s/]*)$/);

document.addEventListener("input", async (event) => {
  if (!event.target.matches(".composer:not([data-mode=note]) textarea")) return;
  const found = typed(event.target);
  if (!found) return hide();
  const wanted = found[1].toLowerCase();
  const all = await load(event.target.form);
  const fits = all.filter((one) => one.shortcut.toLowerCase().startsWith(wanted) || one.name.toLowerCase().includes(wanted));
  if (typed(event.target)) draw(likeliest(fits, asked(event.target.form)));
});

document.addEventListener("keydown", (event) => {
  if (!menu() || menu().hidden || !event.target.matches(".composer textarea")) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); mark(at + (event.key === "ArrowDown" ? 1 : -1)); }
  else if ((event.key === "Enter" || event.key === "Tab") && !event.ctrlKey && !event.metaKey) { event.preventDefault(); insert(event.target); }
  else if (event.key === "Escape") { event.preventDefault(); hide(); }
}, true);

document.addEventListener("mousedown", (event) => {
  const option = event.target.closest(".template-menu [role=option]");
  if (!option) return;
  event.preventDefault(); // the box keeps the focus
  at = [...menu().children].indexOf(option);
  insert(document.querySelector(".composer textarea"));
});
document.addEventListener("focusout", (event) => { if (event.target.matches?.(".composer textarea")) hide(); });

document.addEventListener("focusin", (event) => { if (event.target.matches(".composer textarea")) load(event.target.form); }); // there when the key is pressed

async function load(form) {
  const name = form.querySelector("[name=parent_id]")?.selectedOptions[0]?.dataset.name ?? "";
  const key = `${openId()} ${name}`;
  if (!known.has(key)) {
    const response = await fetch(`${conversationPath()}/templates?name=${encodeURIComponent(name)}`);
    if (!response.ok) return [];
    known.set(key, await response.json());
    setTimeout(() => known.delete(key), 60000);
  }
  return known.get(key);
}

// The words of the message that is answered.
function asked(form) {
  const chosen = form.querySelector("[name=parent_id]")?.value;
  const message = document.getElementById(`message-${chosen}`) ?? [...document.querySelectorAll(".timeline > .message.in")].at(-1);
  return stems(message?.querySelector(".body")?.textContent ?? "");
}

// Templates that share words with the question come first; the others keep their order.
function likeliest(templates, wanted) {
  const shared = ({ name, shortcut, body }) => [...stems(`${name} ${shortcut} ${body}`)].filter((stem) => wanted.has(stem)).length;
  return templates.map((one) => ({ one, score: shared(one) })).sort((a, b) => b.score - a.score).map(({ one }) => one);
}

// Words without their endings, as far as that goes without knowing the language.
const stems = (text) => new Set((text.toLowerCase().match(/\p{L}{4,}/gu) ?? []).map((word) => word.slice(0, 6)));

function draw(templates) {
  shown = templates.slice(0, 20);
  const options = shown.map((template, i) => {
    const option = document.createElement("div"), name = document.createElement("b"), shortcut = document.createElement("kbd"), body = document.createElement("small");
    option.setAttribute("role", "option");
    option.id = `template-${i}`;
    Object.assign(name, { textContent: template.name });
    Object.assign(shortcut, { textContent: `/${template.shortcut}` });
    Object.assign(body, { textContent: template.body, dir: "auto" });
    option.append(name, shortcut, body);
    return option;
  });
  if (!options.length) options.push(Object.assign(document.createElement("p"), { className: "muted small", textContent: words.no_match }));
  menu().replaceChildren(...options);
  menu().hidden = false;
  mark(0);
}

function mark(next) {
  at = Math.max(0, Math.min(shown.length - 1, next));
  [...menu().querySelectorAll("[role=option]")].forEach((option, i) => option.setAttribute("aria-selected", String(i === at)));
  menu().children[at]?.scrollIntoView({ block: "nearest" });
}

function insert(box) {
  const template = shown[at], found = typed(box);
  if (!template || !found) return hide();
  const start = box.selectionStart - found[1].length - 1;
  box.setRangeText(template.body, start, box.selectionStart, "end");
  const field = box.form.querySelector("[name=template_id]") ?? box.form.appendChild(Object.assign(document.createElement("input"), { type: "hidden", name: "template_id" }));
  field.value = template.id;
  hide();
  box.dispatchEvent(new Event("input", { bubbles: true }));
  const open = box.value.match(/\{\{[^{}]*\}\}/); // what could not be filled in is selected, to be written
  if (open) box.setSelectionRange(open.index, open.index + open[0].length);
}

function hide() {
  if (menu()) menu().hidden = true;
}
