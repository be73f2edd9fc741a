// The customer's window asks once a second, as a stranger's app would: it stands outside of Parley and knows no live socket.
const SECOND = 1000;
const thread = document.getElementById("thread");
const form = document.querySelector(".phone-say");
const box = form.elements.text;
let shown = thread.innerHTML.trim();

async function look() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers: { "X-Fragment": "1" } }).catch(() => null);
  if (!answer?.ok) return;
  const now = (await answer.text()).trim();
  if (now === shown) return;
  shown = now;
  thread.innerHTML = now;
  thread.lastElementChild?.scrollIntoView({ block: "nearest" });
}

async function say(event) {
  event.preventDefault();
  const answer = await fetch(location.href, { method: "POST", body: new FormData(form), redirect: "manual" }).catch(() => null);
  if (answer && (answer.ok || answer.type === "opaqueredirect")) box.value = "";
  await look();
}

form.addEventListener("submit", say);
box.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
setInterval(look, SECOND);
