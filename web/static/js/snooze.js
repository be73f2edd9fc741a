// Times to come back, in the workspace's time zone.
import { language, root, words } from "./words.js";

const zone = root.dataset.timezone;
const HOUR = 3600e3, DAY = 24 * HOUR;

export function presets(now = Date.now()) {
  const toMonday = ((8 - weekday(now)) % 7) || 7;
  const times = [[words.later_today, new Date(now + 3 * HOUR)], [words.tomorrow, morning(now + DAY)], [words.monday, morning(now + toMonday * DAY)], [words.week, morning(now + 7 * DAY)]];
  const different = times.filter(([, until], at) => !times.slice(0, at).some(([, other]) => +other === +until)); // on a Monday
  return different.map(([text, until]) => ({ text: `${text} · ${until.toLocaleString(language, { timeZone: zone, weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" })}`, until }));
}

// Nine o'clock of that day, there: the offset is read off the clock of the zone, so summer time is right.
function morning(time) {
  const { year, month, day } = parts(time);
  const guess = Date.UTC(year, month - 1, day, 9);
  const seen = parts(guess);
  return new Date(guess - (Date.UTC(seen.year, seen.month - 1, seen.day, seen.hour, seen.minute) - guess));
}

function parts(time) {
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric" });
  return Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, Number(value)]));
}

const weekday = (time) => ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"].indexOf(new Intl.DateTimeFormat("en", { timeZone: zone, weekday: "short" }).format(time));
