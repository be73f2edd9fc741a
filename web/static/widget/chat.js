// The chat: what is known of it, what the socket brings, and what the visitor does.

import { Cards } from "./cards.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { Drawer } from "./drawer.js";
import { Lines } from "./lines.js";
import { Messages } from "./messages.js";
import { News } from "./news.js";
import { Outbox } from "./outbox.js";
import { Rating } from "./rating.js";
import { Requests } from "./requests.js";
import { build, close, open, say, tell } from "./view.js";

export class Chat {
  #here;
  #parts;
  #lines;
  #outbox;
  #composer;
  #cards;
  #news;
  #rating;
  #connection = null;
  #messages = new Messages();
  #team = { here: false, typical: null, mails: false, email: null };
  #ready = false;

  constructor(here) {
    const { settings, words, locale, base, store, link } = here;
    const address = `${base}${settings.key}/`;
    const requests = new Requests(address, locale, store);
    const send = (frame) => this.#ready && this.#connection.send(frame);
    this.#here = here;
    this.#parts = build(here, () => this.toggle());
    this.#lines = new Lines(this.#parts, words, locale, address, settings.greeting);
    this.#outbox = new Outbox({ store, drawer: new Drawer(settings.key), words, requests, send, changed: () => this.#draw(), greet: () => send(this.#hello()) });
    this.#news = new News(here, this.#parts.panel, (message) => send({ type: "seen", message }));
    this.#composer = new Composer(this.#parts, {
      send: (text) => this.#speak(() => this.#outbox.add(text)),
      files: (files) => this.#speak(() => files.forEach((file) => this.#outbox.addFile(file))),
      typing: () => send({ type: "typing" }),
    });
    this.#rating = new Rating(here, this.#parts, send);
    const actions = { email: (email) => send({ type: "email", email }), ended: () => this.#end() };
    this.#cards = new Cards({ parts: this.#parts, words, settings, requests, team: this.#team, actions });
    for (const moment of ["visibilitychange", "focus"]) addEventListener(moment, () => this.#look(), { capture: true });
    if (link) requests.resume(link).then((token) => this.#resume(token), () => say(this.#parts.notice, words.resumeGone));
  }

  connect() {
    if (this.#connection) return;
    const address = new URL(`${this.#here.settings.key}/socket`, this.#here.base);
    address.protocol = address.protocol.replace("http", "ws");
    const lost = () => {
      this.#ready = false;
      this.#outbox.lost();
      this.#draw();
    };
    this.#connection = new Connection(address.href, { hello: () => this.#hello(), received: (frame) => this.#receive(frame), closed: lost });
    this.#draw();
  }

  toggle() {
    const { frame, store, link } = this.#here;
    if (this.#parts.panel.open) return close(this.#parts);
    if (!frame.hasAttribute("data-fill")) store.allow();
    open(this.#parts, this.#here);
    if (!link) this.connect();
    this.#lines.toEnd();
    this.#look();
  }

  #hello() {
    return { type: "hello", token: this.#here.store.token, after: this.#messages.last, locale: this.#here.locale };
  }

  #receive(frame) {
    const handlers = {
      ready: () => this.#begin(frame),
      messages: () => this.#show(frame),
      accepted: () => this.#cards.offerAddress(frame.here),
      refused: () => this.#refused(frame),
      typing: () => this.#lines.showTyping(frame.on),
      team: () => this.#cards.addressKept(frame.email),
      rated: () => this.#rating.given(),
      unasked: () => this.#rating.unasked(),
      ended: () => this.#end(),
    };
    handlers[frame.type]?.();
    this.#draw();
  }

  #begin(frame) {
    const { here, typical, mails, email } = frame;
    Object.assign(this.#team, { here, typical, mails, email });
    this.#here.store.keepToken(frame.token);
    this.#ready = true;
    this.#show(frame);
    this.#outbox.flush();
    this.#rating.flush();
  }

  #show(frame) {
    const fresh = this.#messages.take(frame);
    const answers = fresh.filter((message) => !message.mine);
    answers.forEach((message) => this.#news.came(message));
    frame.messages.forEach((message) => this.#outbox.arrived(message));
    if (answers.length > 0) {
      this.#lines.showTyping(false);
      this.#cards.withdrawOffer();
    }
    this.#rating.ask(frame.question);
    this.#draw();
    this.#look();
  }

  #draw() {
    const { shown, last, seen } = this.#messages;
    this.#lines.draw(shown, this.#outbox.waiting, { seen, online: this.#ready, retry: (line) => this.#outbox.retry(line) });
    this.#cards.hasChat = shown.length > 0;
    const lost = this.#connection !== null && !this.#ready && (last > 0 || !navigator.onLine);
    tell(this.#parts, this.#here.words, { lost, ready: this.#ready, connecting: this.#connection !== null, team: this.#team });
  }

  #speak(act) {
    this.#here.store.allow();
    say(this.#parts.notice, "");
    this.connect();
    act();
    this.#lines.toEnd();
  }

  #refused(frame) {
    const { words } = this.#here;
    if (frame.code === "gone") return this.#end(words.removed);
    if (frame.rating) this.#rating.refused();
    const text = this.#outbox.refused(frame);
    if (text) this.#composer.giveBack(text);
    const reasons = { too_many: words.tooMany, too_long: words.tooLong, invalid: words.addressBad };
    say(this.#parts.notice, reasons[frame.code] ?? words.failedAction);
  }

  #look() {
    this.#news.look(this.#messages.shown);
  }

  #resume(token) {
    history.replaceState(null, "", location.pathname);
    this.#here.link = undefined;
    this.#here.store.allow();
    this.#here.store.keepToken(token);
    this.connect();
  }

  /** The chat is gone, and with it everything here; the next message begins another. */
  #end(text = this.#here.words.removed) {
    this.#connection?.close();
    this.#connection = null;
    this.#ready = false;
    this.#team.email = null;
    this.#messages.forget();
    this.#outbox.clear();
    this.#news.forget();
    this.#rating.forget();
    this.#here.store.forget();
    say(this.#parts.notice, text);
    this.#draw();
  }
}
