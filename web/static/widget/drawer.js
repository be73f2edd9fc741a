// Files that have not arrived yet, kept over a reload: a database of the browser, opened with the first file. Without one, nothing is kept.

const FILES = "files";

export class Drawer {
  #name;
  #opened = null;

  constructor(key) {
    this.#name = `parley-chat-${key}`;
  }

  /** Everything that was kept, the oldest first. */
  async lines() {
    const found = (await this.#do("readonly", (files) => files.getAll())) ?? [];
    return found.sort((one, other) => one.at.localeCompare(other.at));
  }

  keep(line) {
    return this.#do("readwrite", (files) => files.put(line));
  }

  drop(key) {
    return this.#do("readwrite", (files) => files.delete(key));
  }

  /** Forget what any tab has kept, if one ever did. */
  async clear() {
    if (this.#opened || (await this.exists())) await this.#do("readwrite", (files) => files.clear());
  }

  /** Whether this browser ever kept a file here: asking must not make a database. */
  async exists() {
    try {
      return (await indexedDB.databases()).some(({ name }) => name === this.#name);
    } catch {
      return false;
    }
  }

  async #do(mode, act) {
    try {
      this.#opened ??= this.#open();
      const database = await this.#opened;
      return await answer(act(database.transaction(FILES, mode).objectStore(FILES)));
    } catch {
      return null; // private windows and full storage: memory has it until the page closes
    }
  }

  #open() {
    const opening = indexedDB.open(this.#name, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(FILES, { keyPath: "key" });
    return answer(opening);
  }
}

const answer = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
