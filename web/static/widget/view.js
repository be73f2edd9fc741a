// The panel: a dialog with its head, the log of messages, and the box to write in.

import { element, icon } from "./dom.js";
import { PANEL, sheet } from "./styles.js";
import { soon } from "./words.js";

export const NARROW = matchMedia("(max-width: 480px), (max-height: 440px)");

/** Builds the panel, closed; gives its parts. `dismiss` is what Escape and the button in its head do. */
export function build({ root, frame, settings, words, button }, dismiss) {
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet(PANEL)];
  const fill = frame.hasAttribute("data-fill");
  const title = element("h2", { class: "title", id: "title", dir: "auto" }, settings.title);
  const state = element("p", { class: "state", role: "status" });
  const more = element("button", { class: "plain", type: "button", "aria-label": words.more, "aria-haspopup": "menu", "aria-expanded": "false" }, icon("more"));
  const shut = element("button", { class: "plain", type: "button", "aria-label": words.minimise, hidden: fill, on: { click: dismiss } }, icon("down", 22));
  const lines = element("div", { class: "lines" });
  const log = element("div", { class: "log", role: "log", "aria-label": words.messages, "aria-live": "off", tabindex: "0" }, lines);
  const cards = element("div", { class: "cards" });
  const notice = element("p", { class: "notice", role: "alert", hidden: true });
  const text = element("textarea", { rows: "1", "aria-label": words.write, placeholder: words.write, dir: "auto", maxlength: "4000", enterkeyhint: "send" });
  const attach = element("button", { class: "plain", type: "button", "aria-label": words.attach }, icon("clip"));
  const picker = element("input", { type: "file", hidden: true });
  const send = element("button", { class: "plain go", type: "submit", "aria-label": words.send, "aria-disabled": "true" }, icon("send"));
  const composer = element("form", { class: "composer" }, attach, picker, text, send);
  const body = element("div", { class: "body" }, log, cards, notice);
  const head = element("header", { class: "head" }, element("div", { class: "head-text" }, title, state), more, shut);
  const panel = element("dialog", { class: "panel", "aria-labelledby": "title" }, head, body, composer);
  frame.insertBefore(panel, button);
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Tab") keepFocus(event, panel, root);
    if (event.key !== "Escape") return;
    event.preventDefault(); // a modal dialog closes by itself, another does not: here both do the same
    if (!fill) dismiss();
  });
  panel.addEventListener("close", () => {
    button.setAttribute("aria-expanded", "false");
    button.setAttribute("aria-label", words.open);
    button.focus();
  });
  return { panel, state, more, lines, log, cards, notice, text, attach, picker, send, composer, body };
}

export function say(notice, words) {
  notice.textContent = words;
  notice.hidden = !words;
}

/** Tab stays in the panel, Escape leaves it: nobody who uses a keyboard loses the chat in the page behind. */
function keepFocus(event, panel, root) {
  const stops = [...panel.querySelectorAll("a[href], button, input:not([type=file]), textarea, [tabindex='0']")].filter((stop) => stop.offsetParent !== null);
  const [first, last] = [stops[0], stops.at(-1)];
  const leaving = event.shiftKey ? root.activeElement === first || root.activeElement === panel : root.activeElement === last;
  if (!leaving) return;
  event.preventDefault();
  (event.shiftKey ? last : first).focus();
}

/** Opens the panel over the page; on a phone it is the page, and everything under it rests. */
export function open({ panel, text, log }, { frame, button, words }) {
  if (NARROW.matches && !frame.hasAttribute("data-fill")) panel.showModal();
  else panel.show();
  button.setAttribute("aria-expanded", "true");
  button.setAttribute("aria-label", words.close);
  text.focus();
  setTimeout(() => log.setAttribute("aria-live", "polite"), 1000); // what was said before is read, not announced
}

export function close({ panel }) {
  panel.close();
}

/** What the head says about the connection and the team. */
export function tell({ state }, words, { lost, ready, connecting, team }) {
  const calm = team.typical !== null ? soon(words, team.typical) : team.here ? words.here : "";
  const told = lost ? words.offline : ready ? calm : connecting ? words.connecting : "";
  if (state.textContent !== told) state.textContent = told;
  state.classList.toggle("trouble", lost);
}
