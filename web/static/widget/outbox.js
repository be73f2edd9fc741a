// What the visitor wrote and the server has not confirmed: kept over a lost connection and a reload, sent once for each key.

const key = () => crypto.getRandomValues(new Uint32Array(5)).reduce((made, part) => made + part.toString(36).padStart(7, "0"), "");

export class Outbox {
  #store;
  #words;
  #requests;
  #send;
  #changed;
  #greet;
  #flying = new Set();
  #files = new Map();
  #drawer;
  #again = 0;
  #ends = 0;

  /** `send` gives whether a frame left; `changed` draws; `greet` says hello again: a file may have begun the chat. */
  constructor({ store, drawer, words, requests, send, changed, greet }) {
    this.#drawer = drawer;
    this.#store = store;
    this.#words = words;
    this.#requests = requests;
    this.#send = send;
    this.#changed = changed;
    this.#greet = greet;
    this.#fetchFiles();
  }

  /** Lines to draw after the chat's own. */
  get waiting() {
    const files = [...this.#files.values()].map(({ file, ...line }) => ({ ...line, text: "", files: [{ name: file.name, size: file.size }] }));
    return [...this.#store.queue, ...files];
  }

  add(text) {
    this.#store.enqueue({ key: key(), text, at: new Date().toISOString(), page: location.href.split("#")[0] });
    this.flush();
    this.#changed();
  }

  /** Everything that is not on its way: the server takes a key once, however often it comes. */
  flush() {
    for (const { key, text, page } of this.#store.queue) {
      if (!this.#flying.has(key) && this.#send({ type: "message", key, text, page })) this.#flying.add(key);
    }
    for (const line of this.#files.values()) if (!line.error) this.#upload(line);
  }

  lost() {
    this.#flying.clear();
  }

  /** The message has come back from the log: now it needs no place here. */
  arrived({ key }) {
    if (!key) return;
    this.#flying.delete(key);
    if (this.#files.delete(key)) this.#drawer.drop(key);
    if (this.#store.queue.some((message) => message.key === key)) this.#store.dequeue(key);
  }

  /** Gives back words that must be written differently. */
  refused({ key, code, retry_after: seconds }) {
    this.#flying.delete(key);
    if (code === "too_many") {
      clearTimeout(this.#again);
      this.#again = setTimeout(() => this.flush(), (seconds ?? 30) * 1000);
      return null;
    }
    const message = this.#store.queue.find((waiting) => waiting.key === key);
    if (message) this.#store.dequeue(key);
    return message?.text ?? null;
  }

  addFile(file) {
    const line = { key: key(), file, at: new Date().toISOString() };
    this.#files.set(line.key, line);
    this.#drawer.keep({ ...line, name: file.name });
    this.#upload(line);
    this.#changed();
  }

  retry(line) {
    const waiting = this.#files.get(line.key);
    if (waiting) (delete waiting.error, this.#upload(waiting));
    this.#changed();
  }

  clear() {
    this.#flying.clear();
    this.#ends += 1;
    this.#drawer.clear(); // another tab may have kept some: they belong to no later chat
    this.#files.clear();
    clearTimeout(this.#again);
  }

  /** What was chosen before a reload; another tab may send it too: the server takes a key once. */
  async #fetchFiles() {
    const ends = this.#ends;
    const lines = (await this.#drawer.exists()) ? await this.#drawer.lines() : [];
    if (lines.length === 0 || ends !== this.#ends) return;
    for (const { key, file, name, at } of lines) {
      if (!this.#files.has(key)) this.#files.set(key, { key, at, file: file instanceof File ? file : new File([file], name, { type: file.type }) });
    }
    this.flush();
    this.#changed();
  }

  async #upload(line) {
    if (this.#flying.has(line.key) || !this.#store.token) return;
    this.#flying.add(line.key);
    try {
      await this.#requests.upload(line.file, line.key);
      this.#greet();
    } catch (error) {
      if (!error.code) return void this.#flying.delete(line.key); // the line broke: it goes again when it is back
      const reasons = { file_type: this.#words.fileType, file_size: this.#words.fileSize, too_many: this.#words.tooMany };
      line.error = reasons[error.code] ?? this.#words.fileFailed;
    }
    if (line.error) this.#flying.delete(line.key);
    if (line.error) this.#drawer.drop(line.key); // refused: a reload would not help
    this.#changed();
  }
}
