// What this browser keeps of a chat: the token that opens it, and messages that have not arrived yet. Nothing before the first click.

/** `allow()` after the first click; before it, and where the browser refuses, everything lives in memory. */
export class Store {
  #name;
  #kept;
  #allowed = false;

  constructor(key) {
    this.#name = `parley-chat-${key}`;
    this.#kept = this.#read();
    this.#allowed = this.#kept !== null;
    this.#kept ??= { token: "", queue: [] };
  }

  /** Whether this browser has chatted here before. */
  get known() {
    return this.#kept.token !== "";
  }

  get token() {
    return this.#kept.token;
  }

  get queue() {
    return this.#kept.queue;
  }

  allow() {
    this.#allowed = true;
    this.#write();
  }

  keepToken(token) {
    this.#kept.token = token;
    this.#write();
  }

  /** Add a message; another tab may have added some meanwhile. */
  enqueue(message) {
    this.#kept.queue = [...(this.#read() ?? this.#kept).queue, message];
    this.#write();
  }

  dequeue(key) {
    this.#kept.queue = (this.#read() ?? this.#kept).queue.filter((message) => message.key !== key);
    this.#write();
  }

  forget() {
    this.#kept = { token: "", queue: [] };
    try {
      localStorage.removeItem(this.#name);
    } catch {
      // nothing was kept there
    }
  }

  #read() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.#name));
      return typeof kept?.token === "string" && Array.isArray(kept.queue) ? kept : null;
    } catch {
      return null;
    }
  }

  #write() {
    if (!this.#allowed) return;
    try {
      localStorage.setItem(this.#name, JSON.stringify(this.#kept));
    } catch {
      // private windows and full storage: memory has it until the page closes
    }
  }
}
