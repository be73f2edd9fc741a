// The box to write in: grows with its words, sends by Enter, takes files by button, paste or drop, and says that somebody types.

const TYPING_EVERY = 2500;

export class Composer {
  #parts;
  #on;
  #typedAt = 0;

  /** `on.send(words)`, `on.files(files)`, `on.typing()`. */
  constructor(parts, on) {
    const { panel, composer, text, attach, picker } = parts;
    this.#parts = parts;
    this.#on = on;
    composer.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    });
    text.addEventListener("input", () => this.#typed());
    text.addEventListener("paste", (event) => this.#take(event.clipboardData.files, event));
    attach.addEventListener("click", () => picker.click());
    picker.addEventListener("change", () => {
      this.#take(picker.files);
      picker.value = "";
    });
    panel.addEventListener("dragover", (event) => event.preventDefault());
    panel.addEventListener("drop", (event) => this.#take(event.dataTransfer.files, event));
  }

  /** Words that came back, to be written differently; what was written meanwhile stays too. */
  giveBack(words) {
    const { text } = this.#parts;
    text.value = [words, text.value].filter(Boolean).join("\n");
    this.#fit();
  }

  #send() {
    const words = this.#parts.text.value.trim();
    if (!words) return;
    this.#parts.text.value = "";
    this.#typedAt = 0;
    this.#fit();
    this.#on.send(words);
  }

  #take(files, event) {
    if (files.length === 0) return;
    event?.preventDefault();
    this.#on.files([...files]);
  }

  #typed() {
    this.#fit();
    if (Date.now() - this.#typedAt < TYPING_EVERY) return;
    this.#typedAt = Date.now();
    this.#on.typing();
  }

  #fit() {
    const { text, send } = this.#parts;
    send.setAttribute("aria-disabled", String(text.value.trim() === ""));
    text.style.blockSize = "";
    if (text.scrollHeight > text.clientHeight) text.style.blockSize = `${text.scrollHeight}px`;
  }
}
