// Ticking times: how long ago, how long somebody waits, when a reply leaves. The words are those of web/i18n.py.
import { fill, language, root, words } from "./words.js";

const DAY = 86400, HOUR = 3600, MINUTE = 60;
const full = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long", timeZone: root.dataset.timezone });

export function duration(seconds) {
  if (seconds >= DAY) return fill(words.days, { n: Math.floor(seconds / DAY) });
  if (seconds >= HOUR) return fill(words.hours, { n: Math.floor(seconds / HOUR) });
  if (seconds >= MINUTE) return fill(words.minutes, { n: Math.floor(seconds / MINUTE) });
  return words.now;
}

const since = (moment) => Math.max(0, (Date.now() - new Date(moment)) / 1000);
const write = (element, text) => { if (element.textContent !== text) element.textContent = text; };

function tick() {
  for (const time of document.querySelectorAll("time[data-clock]")) write(time, duration(since(time.dateTime)));
  for (const wait of document.querySelectorAll("[data-waits]")) {
    const age = since(wait.dataset.waits);
    wait.dataset.age = age >= DAY ? 2 : age >= HOUR ? 1 : 0;
  }
  for (const due of document.querySelectorAll("[data-due]")) {
    const left = (new Date(due.dataset.due) - Date.now()) / 1000, length = { n: duration(Math.abs(left)) };
    due.dataset.age = left <= 0 ? 2 : left < 10 * MINUTE ? 1 : 0;
    const [near, far] = left <= 0 ? [words.overdue_now, words.overdue] : [words.due_now, words.due_in];
    write(due.querySelector("time"), Math.abs(left) < MINUTE ? near : fill(far, length));
  }
  for (const end of document.querySelectorAll("time[data-left]")) {
    const left = (new Date(end.dateTime) - Date.now()) / 1000;
    write(end, fill(words.left, { n: duration(left) }));
    end.parentElement.toggleAttribute("data-soon", left < 2 * HOUR);
  }
  for (const window of document.querySelectorAll(".window[data-until]:not([data-closed])")) {
    if (new Date(window.dataset.until) > Date.now()) continue;
    window.dataset.closed = "over";
    document.dispatchEvent(new CustomEvent("window-changed"));
  }
  for (const line of document.querySelectorAll("[data-sends]")) {
    const left = Math.ceil((new Date(line.dataset.sends) - Date.now()) / 1000);
    write(line, left > 0 ? fill(words.sends_in, { n: left }) : words.sending);
  }
}

document.addEventListener("pointerover", (event) => {
  const time = event.target.closest?.("time[datetime]");
  if (time && !time.title) time.title = full.format(new Date(time.dateTime));
});
setInterval(tick, 1000);
tick();
