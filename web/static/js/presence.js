// Tells colleagues that somebody is here or types; hides the reader's own sign.
import { onStatus, send } from "./live.js";
import { openId, root } from "./words.js";

const AGAIN = 15000, TYPING = 3000;
let typed = 0, timer = 0, told = null;

export function hideMyself() {
  for (const sign of document.querySelectorAll(`.person[data-member="${root.dataset.member}"]`)) sign.hidden = true;
}

function tell(typing = false) {
  clearTimeout(timer);
  const here = document.hidden ? null : openId();
  if (here !== told && told) send({ t: "gone", conversation: Number(told) });
  told = here;
  if (!here) return;
  send({ t: "here", conversation: Number(here), typing });
  timer = setTimeout(tell, AGAIN);
}

document.addEventListener("input", (event) => {
  if (!event.target.closest?.(".composer") || Date.now() - typed < TYPING) return;
  typed = Date.now();
  tell(true);
});
document.addEventListener("sent", () => { typed = 0; tell(); });
document.addEventListener("conversation-shown", () => { hideMyself(); tell(); });
document.addEventListener("visibilitychange", () => tell());
onStatus((status) => { if (status === "live") tell(); });
hideMyself();
