// What this page knows of the chat, and how far of the log it has read.

export class Messages {
  #known = new Map();
  /** The log's id to ask after, when the connection comes back; 0 before anything was read. */
  last = 0;
  /** The newest message that a colleague has read. */
  seen = 0;

  /** In the order in which they were said. */
  get shown() {
    return [...this.#known.values()].sort((one, other) => one.at.localeCompare(other.at) || one.id - other.id);
  }

  /** Takes a frame in; gives the messages that are new since the page first read the log. */
  take({ last, whole, messages, gone, seen }) {
    const fresh = this.last > 0 ? messages.filter((message) => !this.#known.has(message.id)) : [];
    if (whole) this.#known.clear();
    for (const id of gone) this.#known.delete(id);
    for (const message of messages) this.#known.set(message.id, message);
    this.last = last;
    this.seen = seen;
    return fresh;
  }

  forget() {
    this.#known.clear();
    this.last = this.seen = 0;
  }
}
