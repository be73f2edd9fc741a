// The menu, and the questions that it opens: where answers go, and whether the chat shall be deleted.

import { element } from "./dom.js";
import { say } from "./view.js";

export class Cards {
  #parts;
  #words;
  #settings;
  #requests;
  #team;
  #actions;
  #menu = null;
  #offered = false;
  hasChat = false;

  constructor({ parts, words, settings, requests, team, actions }) {
    this.#parts = parts;
    this.#words = words;
    this.#settings = settings;
    this.#requests = requests;
    this.#team = team;
    this.#actions = actions;
    parts.more.addEventListener("click", () => (this.#menu ? this.#closeMenu() : this.#openMenu()));
    parts.panel.addEventListener("keydown", (event) => this.#key(event), { capture: true });
    parts.panel.addEventListener("click", (event) => this.#menu && !event.composedPath().includes(this.#menu) && !event.composedPath().includes(parts.more) && this.#closeMenu());
  }

  /** When nobody is there to answer, and mail can be sent: asked once. */
  offerAddress(here) {
    this.#team.here = here;
    if (this.#offered || here || this.#team.email || !this.#team.mails) return;
    this.#offered = true;
    this.#askAddress(this.#words.addressWhy, false);
  }

  /** Somebody has answered: an offer that nobody has begun to fill in makes room. */
  withdrawOffer() {
    const field = this.#parts.cards.querySelector("input[type=email]");
    if (field && field.value === "" && field.getRootNode().activeElement !== field) this.#show();
  }

  addressKept(email) {
    this.#team.email = email;
    this.#show(element("p", { role: "status" }, this.#words.addressKept(email)));
  }

  #openMenu() {
    const words = this.#words;
    const act = (name, label, run, kind) => element("button", { type: "button", role: "menuitem", class: kind, on: { click: () => (this.#closeMenu(), run()) } }, label);
    const privacy = this.#settings.privacy;
    this.#menu = element(
      "div",
      { class: "menu", role: "menu", "aria-label": words.more },
      this.hasChat && this.#team.mails ? act("mail", words.answersByMail, () => this.#askAddress(words.addressAsk, true)) : null,
      this.hasChat ? act("text", words.saveText, () => this.#try(() => this.#requests.save("text"))) : null,
      this.hasChat ? act("json", words.saveData, () => this.#try(() => this.#requests.save("json"))) : null,
      privacy ? element("a", { role: "menuitem", href: privacy, target: "_blank", rel: "noopener" }, words.privacy) : null,
      this.hasChat ? act("remove", words.remove, () => this.#askRemoval(), "danger") : null,
    );
    if (!this.#menu.children.length) this.#menu.append(act("none", words.cancel, () => {}));
    this.#parts.body.append(this.#menu);
    this.#parts.more.setAttribute("aria-expanded", "true");
    this.#menu.firstElementChild.focus();
  }

  #closeMenu() {
    this.#menu.remove();
    this.#menu = null;
    this.#parts.more.setAttribute("aria-expanded", "false");
    this.#parts.more.focus();
  }

  #key(event) {
    if (!this.#menu) return;
    const items = [...this.#menu.children];
    const at = items.indexOf(this.#menu.getRootNode().activeElement);
    const steps = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 };
    if (event.key in steps) items.at(steps[event.key] % items.length).focus();
    else if (event.key === "Escape" || event.key === "Tab") this.#closeMenu();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #askAddress(why, focus) {
    const words = this.#words;
    const field = element("input", { type: "email", autocomplete: "email", "aria-label": words.address, placeholder: words.address, dir: "ltr", value: this.#team.email });
    const problem = element("p", { class: "problem", role: "alert", hidden: true });
    const form = element("form", { novalidate: true }, field, element("button", { class: "firm", type: "submit" }, words.addressKeep));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const good = field.value.trim() !== "" && field.checkValidity() && this.#actions.email(field.value.trim());
      say(problem, good ? "" : words.addressBad);
    });
    this.#show(element("p", {}, why), form, problem);
    if (focus) field.focus();
  }

  #askRemoval() {
    const words = this.#words;
    const cancel = element("button", { class: "soft", type: "button", on: { click: () => (this.#show(), this.#parts.text.focus()) } }, words.cancel);
    const remove = element("button", { class: "firm danger", type: "button" }, words.remove);
    remove.addEventListener("click", () => this.#try(async () => {
      await this.#requests.erase();
      this.#show();
      this.#actions.ended(words.removed);
      this.#parts.text.focus();
    }));
    this.#show(element("p", { id: "ask" }, words.removeAsk), element("div", { class: "actions", role: "group", "aria-labelledby": "ask" }, cancel, remove));
    cancel.focus();
  }

  #show(...content) {
    this.#parts.cards.replaceChildren(...(content.length ? [element("div", { class: "card" }, ...content)] : []));
  }

  async #try(run) {
    try {
      await run();
    } catch {
      say(this.#parts.notice, this.#words.failedAction);
    }
  }
}
