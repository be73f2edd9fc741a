// The bell: how many alerts are new, and a line when one comes.
import { onFrame } from "./live.js";
import { openConversation } from "./navigate.js";
import { announce, toast } from "./toast.js";
import { fill, words } from "./words.js";

const MANY = 100;
const heard = new Set(); // a page that says what it shows is told again what came meanwhile

onFrame((frame) => {
  for (const op of frame.ops ?? []) {
    if ("alerts" in op) setCount(op.alerts);
    if (op.alert && isNew(`alert ${op.alert.id}`)) tell(op.alert);
    if (op.trouble && isNew(`trouble ${op.trouble}`)) toast(words.trouble, { action: words.alert_open, run: () => location.assign(`/w/${document.documentElement.dataset.workspace}/alerts`), bad: true, seconds: 12 });
  }
});

function isNew(name) {
  const before = heard.size;
  return heard.add(name).size > before;
}

function setCount(count) {
  const place = document.querySelector("[data-alerts]");
  place.textContent = count >= MANY ? `${MANY - 1}+` : count || "";
  place.hidden = !count;
}

function tell({ kind, about, who, conversation, more }) {
  const text = fill(more ? words.alerts_more : words.alert[about][kind], { who: `\u2068${who}\u2069`, n: more + 1 });
  toast(text, { action: words.alert_open, run: () => openConversation(String(conversation)), bad: kind !== "warning", seconds: 12 });
  announce(text);
}
