// Plain requests beside the socket: files, the visitor's copy, the end of the chat, mailed links. No cookie goes along.

export class Refused extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

export class Requests {
  #base;
  #locale;
  #store;

  constructor(base, locale, store) {
    this.#base = base;
    this.#locale = locale;
    this.#store = store;
  }

  upload(file, message) {
    const query = new URLSearchParams({ name: file.name || "file", message, locale: this.#locale });
    return this.#ask(`files?${query}`, { method: "POST", body: file, headers: { "Content-Type": file.type || "application/octet-stream" } });
  }

  /** The chat as a file, saved by the browser. */
  async save(format) {
    const answer = await this.#ask(`transcript?format=${format}`);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = format === "json" ? "chat.json" : "chat.txt";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  erase() {
    return this.#ask("chat", { method: "DELETE" });
  }

  async resume(link) {
    const headers = { "Content-Type": "application/json" };
    return (await (await this.#ask("resume", { method: "POST", headers, body: JSON.stringify({ link }) })).json()).token;
  }

  async #ask(path, options = {}) {
    const headers = { ...options.headers, ...(this.#store.token ? { Authorization: `Bearer ${this.#store.token}` } : {}) };
    const answer = await fetch(`${this.#base}${path}`, { ...options, headers, credentials: "omit", referrerPolicy: "no-referrer" });
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => ({}));
    throw new Refused(problem.code ?? "failed");
  }
}
