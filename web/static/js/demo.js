// The demonstration's controls: its speed changes without leaving the page, and the customer's window opens beside this one.
import { toast } from "./toast.js";
import { words } from "./words.js";

const form = document.querySelector(".demo-speed");
const mark = (speed) => { for (const one of form.elements) one.setAttribute("aria-pressed", String(Number(one.value) === Number(speed))); };

async function change(event) {
  event.preventDefault();
  const speed = event.submitter.value;
  const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams({ speed }), redirect: "manual" }).catch(() => null);
  if (answer?.type === "opaqueredirect") mark(speed);
  else toast(words.failed, { bad: true });
}

if (form) {
  form.addEventListener("submit", change);
  fetch(form.action).then((answer) => answer.json()).then(({ speed }) => mark(speed)).catch(() => {}); // then no button is marked
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[target=customer]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (window.open(link.href, "customer", "popup,width=420,height=760")) event.preventDefault();
});
