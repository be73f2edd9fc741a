// Which of the team's messages the visitor has seen: what was on the screen of somebody who looked.

export class News {
  #here;
  #panel;
  #seen;
  #told = 0;
  #unread = new Set();

  /** `seen(id)` tells the server; gives whether it left. */
  constructor(here, panel, seen) {
    this.#here = here;
    this.#panel = panel;
    this.#seen = seen;
  }

  get #isWatched() {
    return this.#panel.open && document.visibilityState === "visible" && document.hasFocus();
  }

  came(message) {
    if (!message.mine && message.id > this.#told && !this.#isWatched) this.#unread.add(message.id);
  }

  look(messages) {
    if (this.#isWatched) {
      this.#unread.clear();
      const newest = Math.max(0, ...messages.filter((message) => !message.mine).map((message) => message.id));
      if (newest > this.#told && this.#seen(newest)) this.#told = newest;
    }
    this.#draw();
  }

  forget() {
    this.#told = 0;
    this.#unread.clear();
    this.#draw();
  }

  #draw() {
    const { badge, news, words } = this.#here;
    const count = this.#unread.size;
    const told = count ? words.unread(count) : "";
    badge.textContent = count || "";
    badge.hidden = count === 0;
    if (news.textContent !== told) news.textContent = told;
  }
}
