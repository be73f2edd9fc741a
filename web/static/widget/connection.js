// The socket: opens again by itself, ever more patiently, and knows when it is dead.

const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
const PING_EVERY = 25_000;
const PONG_WITHIN = 10_000;

/** Calls `opened`, `received(frame)` and `closed`. `hello()` gives the first frame of each connection. */
export class Connection {
  #address;
  #on;
  #socket = null;
  #wait = FIRST_WAIT;
  #timer = 0;
  #pinging = 0;
  #deadline = 0;
  #wanted = true;

  constructor(address, on) {
    this.#address = address;
    this.#on = on;
    addEventListener("online", () => this.#hurry());
    addEventListener("pageshow", () => this.#hurry());
    addEventListener("offline", () => this.#drop());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#hurry());
    this.#open();
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  send(frame) {
    if (!this.isOpen) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  close() {
    this.#wanted = false;
    clearTimeout(this.#timer);
    this.#drop();
  }

  #open() {
    clearTimeout(this.#timer);
    const socket = new WebSocket(this.#address);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      socket.send(JSON.stringify(this.#on.hello()));
      this.#pinging = setInterval(() => this.#ping(), PING_EVERY);
    });
    socket.addEventListener("message", (event) => {
      clearTimeout(this.#deadline);
      this.#wait = FIRST_WAIT;
      if (socket === this.#socket) this.#on.received(JSON.parse(event.data));
    });
    socket.addEventListener("close", () => socket === this.#socket && this.#lost());
  }

  #lost() {
    clearInterval(this.#pinging);
    clearTimeout(this.#deadline);
    this.#socket = null;
    this.#on.closed();
    if (!this.#wanted) return;
    this.#timer = setTimeout(() => this.#open(), this.#wait * (0.5 + Math.random() / 2));
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
  }

  /** A half-open connection never tells: no answer to a ping means that it is gone. */
  #ping() {
    if (!this.send({ type: "ping" })) return;
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#drop(), PONG_WITHIN);
  }

  #drop() {
    const socket = this.#socket;
    if (socket === null) return;
    this.#lost();
    socket.close();
  }

  #hurry() {
    if (!this.#wanted) return;
    if (this.#socket === null) {
      this.#wait = FIRST_WAIT;
      this.#open();
    } else {
      this.#ping();
    }
  }
}
