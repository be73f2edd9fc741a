// The button. Everything else is fetched by the first click, or at once where this browser has chatted before.

import { element, icon, inkOn } from "./dom.js";
import { Store } from "./store.js";
import { LAUNCHER, sheet } from "./styles.js";
import { localeOf, wordsOf } from "./words.js";

/** `here` is what the script tag says in data-… attributes: locale, theme, position, and fill for the page that is all chat. */
export function start(settings, base, here) {
  if (document.querySelector(`parley-chat[data-key="${settings.key}"]`)) return;
  const locale = localeOf(here.locale || settings.locale, settings.workspace_locale);
  const words = wordsOf(locale);
  const host = element("parley-chat", { "data-key": settings.key });
  const root = host.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [sheet(LAUNCHER)];
  const frame = element("div", {
    class: "frame",
    lang: locale,
    dir: here.dir || getComputedStyle(document.documentElement).direction,
    "data-side": here.position || settings.position,
    "data-theme": here.theme || settings.theme,
    "data-fill": "fill" in here,
  });
  frame.style.setProperty("--brand", settings.colour);
  frame.style.setProperty("--on-brand", inkOn(settings.colour));
  const badge = element("span", { class: "badge", hidden: true });
  const button = element("button", { class: "launcher", type: "button", "aria-label": words.open, "aria-haspopup": "dialog", "aria-expanded": "false" }, icon("chat", 26), icon("close", 26), badge);
  const news = element("div", { class: "unseen", role: "status" });
  frame.append(button, news);
  root.append(frame);
  document.body.append(host);

  const store = new Store(settings.key);
  const link = "fill" in here ? location.hash.match(/^#resume=([\w.=-]+)$/)?.[1] : undefined;
  let chat = null;
  const load = () => (chat ??= import("./chat.js").then((module) => new module.Chat({ settings, base, words, locale, root, frame, button, badge, news, store, link })));
  button.addEventListener("click", async () => {
    button.setAttribute("aria-busy", "true");
    (await load()).toggle();
    button.removeAttribute("aria-busy");
  });
  if (store.known && !link) load().then((made) => made.connect());
  if ("fill" in here) load().then((made) => made.toggle());
}
