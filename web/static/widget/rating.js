// The question after a conversation is resolved: five choices, words for whoever wants to, and a way not to be asked again.

import { element } from "./dom.js";
import { sheet } from "./styles.js";

const STYLES = `
.rating form { display: block; margin: 0; }
.rating fieldset { margin: 0; padding: 0; border: 0; min-inline-size: 0; }
.rating legend, .rating .thanks { padding: 0; font-weight: 600; }
.rating .scale { display: grid; grid-template-columns: repeat(5, 1fr); gap: 6px; margin-block: 10px 4px; }
.rating .scale label {
  position: relative; display: grid; place-items: center; block-size: 44px; border: 1px solid var(--edge); border-radius: 10px;
  background: var(--surface); font-weight: 600; cursor: pointer;
}
.rating .scale input { position: absolute; inset: 0; inline-size: auto; block-size: auto; margin: 0; opacity: 0; cursor: pointer; }
.rating .scale label:hover { background: var(--bubble); }
.rating .scale label:has(:checked) { border-color: var(--brand); background: var(--brand); color: var(--on-brand); }
.rating .scale label:has(:focus-visible) { outline: 2px solid var(--focus); outline-offset: 2px; }
.rating .ends { display: flex; justify-content: space-between; gap: 8px; font-size: 12px; color: var(--muted); }
.rating textarea {
  inline-size: 100%; min-block-size: 60px; margin-block: 10px 0; padding: 8px 12px; border: 1px solid var(--edge); border-radius: 10px;
  resize: vertical; background: var(--surface); color: var(--ink); font: inherit; font-size: 16px;
}
.rating textarea::placeholder { color: var(--muted); opacity: 1; }
.rating .actions { justify-content: space-between; align-items: center; }
.rating .quiet { padding: 4px 0; border: 0; background: none; color: var(--muted); font-size: 13px; text-decoration: underline; text-underline-offset: 2px; }
.rating .quiet:hover { color: var(--ink); }
@media (forced-colors: active) { .rating .scale label:has(:checked) { outline: 3px solid Highlight; } }
`;

/** Shows in a place of its own; `send(frame)` gives whether it left. */
export class Rating {
  #words;
  #place = element("div", { class: "questions", "aria-live": "polite" });
  #text;
  #send;
  #shown = null;
  #rating = null; // thanks may come after the question has gone
  #unsent = null; // said, and not known to have arrived
  #answered = false;
  #chosen = { score: 0, comment: "" };

  constructor({ root, words }, parts, send) {
    this.#words = words;
    this.#text = parts.text;
    this.#send = send;
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet(STYLES)];
    parts.cards.before(this.#place);
  }

  /** What the server asks for now: a rating's id, or null. What was answered here stays, and can be changed, until something else is asked. */
  ask(rating) {
    if (rating === this.#shown) return;
    this.#shown = rating;
    if (rating === null) return void (this.#answered || this.forget());
    this.#rating = rating;
    this.#unsent = null;
    this.#answered = false;
    this.#chosen = { score: 0, comment: "" };
    this.#question();
  }

  /** The connection is back: what was said without one leaves. */
  flush() {
    if (this.#unsent !== null) this.#send(this.#unsent);
  }

  /** It was not taken, and is not sent again by itself: the reason is shown, and the visitor may try. */
  refused() {
    this.#unsent = null;
    this.#place.querySelector(".firm")?.replaceChildren(this.#words.rateSend);
    this.#place.querySelector(".question .quiet")?.replaceChildren(this.#words.rateNever);
  }

  given() {
    this.#unsent = null;
    this.#answered = true;
    const change = () => setTimeout(() => this.#question(true)); // after the key that pressed it: it would send the form that gets the focus
    const again = element("button", { class: "quiet", type: "button", on: { click: change } }, this.#words.rateAgain);
    this.#show(element("p", { class: "thanks" }, this.#words.rateThanks), element("div", { class: "actions" }, again))?.focus();
  }

  unasked() {
    this.#unsent = null;
    this.#answered = true;
    this.#show(element("p", { class: "thanks" }, this.#words.rateUnasked))?.focus();
  }

  forget() {
    this.#shown = this.#unsent = null;
    this.#place.replaceChildren();
  }

  #give(button, frame) {
    this.#unsent = { ...frame, rating: this.#rating };
    if (!this.#send(this.#unsent)) button.textContent = this.#words.waiting;
  }

  #question(focus = false) {
    const words = this.#words;
    const more = element("textarea", { "aria-label": words.rateComment, placeholder: words.rateComment, dir: "auto", maxlength: "1000", hidden: this.#chosen.score === 0 });
    more.value = this.#chosen.comment;
    const go = element("button", { class: "firm", type: "submit", hidden: this.#chosen.score === 0 }, words.rateSend);
    const quiet = element("button", { class: "quiet", type: "button", on: { click: () => this.#give(quiet, { type: "unasked" }) } }, words.rateNever);
    const choose = (score) => {
      this.#chosen.score = score;
      more.hidden = go.hidden = false;
    };
    const scale = words.rateScores.map((name, at) => {
      const choice = element("input", { type: "radio", name: "score", value: at + 1, "aria-label": `${at + 1}: ${name}`, on: { change: () => choose(at + 1) } });
      choice.checked = this.#chosen.score === at + 1;
      return element("label", { title: name }, choice, element("span", { "aria-hidden": "true" }, String(at + 1)));
    });
    const ends = element("div", { class: "ends", "aria-hidden": "true" }, element("span", {}, words.rateScores[0]), element("span", {}, words.rateScores[4]));
    const form = element("form", { class: "question" }, element("fieldset", {}, element("legend", {}, words.rateAsk), element("div", { class: "scale" }, ...scale), ends), more, element("div", { class: "actions" }, quiet, go));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#chosen.comment = more.value;
      this.#give(go, { type: "rate", ...this.#chosen });
    });
    this.#show(form);
    if (focus) this.#place.querySelector("input:checked")?.focus();
  }

  /** Gives what the keyboard goes on with, if it was here. */
  #show(...content) {
    const wasHere = this.#place.contains(this.#place.getRootNode().activeElement);
    this.#place.replaceChildren(element("div", { class: "card rating" }, ...content));
    return wasHere ? (this.#place.querySelector("button") ?? this.#text) : null;
  }
}
