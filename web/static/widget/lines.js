// The log: what was said, oldest first, then what still waits to be sent.

import { element, icon, linked } from "./dom.js";

const TYPING_SHOWS = 6500; // unless it is said again

/** Draws lines into `parts.lines`; keeps what has not changed, so that a screen reader hears only what is new. */
export class Lines {
  #parts;
  #words;
  #locale;
  #base;
  #drawn = new Map();
  #typing;
  #typingEnds = 0;

  constructor(parts, words, locale, base, greeting) {
    this.#parts = parts;
    this.#words = words;
    this.#locale = navigator.language.startsWith(locale) ? navigator.language : locale; // 24 hours in en-GB, 12 in en-US
    this.#base = base;
    this.#typing = element("div", { class: "typing", hidden: true }, element("i"), element("i"), element("i"), element("span", { class: "hidden-words" }, words.typing));
    const hello = element("div", { class: "line" }, element("div", { class: "text" }, element("span", { dir: "auto" }, greeting || words.greeting)));
    parts.lines.append(hello, this.#typing);
  }

  /** `shown`: messages by time; `queue`: what waits; `about(line)`: the words under the visitor's newest. */
  draw(shown, queue, { seen, online, retry }) {
    const end = this.#parts.log;
    const stick = end.scrollHeight - end.scrollTop - end.clientHeight < 80;
    const all = [...shown, ...queue.map((waiting) => ({ ...waiting, id: null, mine: true, files: waiting.files ?? [] }))];
    const newest = all.findLast((line) => line.mine);
    const kept = new Set();
    const nodes = [];
    let before = null;
    for (const line of all) {
      const name = line.key ?? `m${line.id}`;
      kept.add(name);
      const day = this.#day(line, before);
      const joined = day === null && before !== null && before.mine === line.mine && before.author === line.author;
      const about = line === newest || line.error ? this.#about(line, seen, online) : "";
      nodes.push(...this.#drawing(name, line, { day, joined, about, retry }));
      before = line;
    }
    for (const [name, drawn] of this.#drawn) {
      if (kept.has(name)) continue;
      drawn.nodes.forEach((node) => node.remove());
      this.#drawn.delete(name);
    }
    this.#arrange(nodes);
    if (stick) this.toEnd();
  }

  showTyping(on) {
    clearTimeout(this.#typingEnds);
    this.#typing.hidden = !on;
    if (!on) return;
    this.toEnd();
    this.#typingEnds = setTimeout(() => this.showTyping(false), TYPING_SHOWS);
  }

  toEnd() {
    this.#parts.log.scrollTop = this.#parts.log.scrollHeight;
  }

  #drawing(name, line, look) {
    const state = JSON.stringify([line, look.day, look.joined, look.about]);
    const drawn = this.#drawn.get(name);
    if (drawn?.state === state) return drawn.nodes;
    const nodes = [look.day && element("div", { class: "day" }, look.day), this.#line(line, look)].filter(Boolean);
    drawn?.nodes.forEach((node) => node.remove());
    this.#drawn.set(name, { state, nodes });
    return nodes;
  }

  /** Moves only what is not in its place. */
  #arrange(nodes) {
    let place = this.#parts.lines.firstElementChild.nextElementSibling;
    for (const node of nodes) {
      if (node === place) place = place.nextElementSibling;
      else this.#parts.lines.insertBefore(node, place);
    }
  }

  #line(line, { joined, about, retry }) {
    const kinds = ["line", line.mine && "mine", line.id === null && "pending", joined && "joined"].filter(Boolean).join(" ");
    const who = line.mine
      ? element("span", { class: "hidden-words" }, this.#words.you)
      : element("div", { class: "who", dir: "auto" }, line.author || this.#words.team);
    const at = new Date(line.at);
    const text = line.text ? element("div", { class: "text", title: at.toLocaleString(this.#locale) }, element("span", { dir: "auto" }, ...linked(line.text))) : null;
    const again = line.error && retry ? element("button", { type: "button", on: { click: () => retry(line) } }, this.#words.again) : null;
    const below = about ? element("div", { class: line.error ? "about bad" : "about" }, about, again ? " " : null, again) : null;
    return element("div", { class: kinds, "data-id": line.id, "aria-live": line.mine ? "off" : null }, who, text, ...line.files.map((file) => this.#file(file)), below);
  }

  #file(file) {
    const size = file.size ? this.#size(file.size) : null;
    const label = [icon("file", 18), element("span", {}, file.name), size ? element("small", {}, size) : null];
    if (!file.link) return element("span", { class: "file" }, ...label);
    const address = new URL(file.link, this.#base).href;
    const link = { href: address, target: "_blank", rel: "noopener" };
    if (file.picture) return element("a", link, element("img", { class: "picture", src: address, alt: file.name, loading: "lazy" }));
    return element("a", { class: "file", ...link }, ...label);
  }

  #about(line, seen, online) {
    if (line.error) return line.error;
    if (line.id === null) return online ? this.#words.sending : this.#words.waiting;
    const time = new Date(line.at).toLocaleTimeString(this.#locale, { hour: "numeric", minute: "2-digit" });
    return [line.edited && this.#words.edited, line.id <= seen ? this.#words.seen : this.#words.sent, time].filter(Boolean).join(" · ");
  }

  #day(line, before) {
    const day = new Date(line.at).toDateString();
    if (before !== null && new Date(before.at).toDateString() === day) return null;
    const now = new Date();
    if (day === now.toDateString()) return before === null ? null : this.#words.today;
    const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
    if (day === yesterday.toDateString()) return this.#words.yesterday;
    return new Date(line.at).toLocaleDateString(this.#locale, { weekday: "long", day: "numeric", month: "long" });
  }

  #size(bytes) {
    const [amount, unit] = bytes < 1e6 ? [bytes / 1e3, "kilobyte"] : [bytes / 1e6, "megabyte"];
    return new Intl.NumberFormat(this.#locale, { style: "unit", unit, maximumFractionDigits: 1 }).format(amount);
  }
}
