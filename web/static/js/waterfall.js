// Why was this late? The waterfall of a wait opens over the page; without scripts its link leads to a page of its own.
import { fragment } from "./request.js";
import { toast } from "./toast.js";
import { words } from "./words.js";

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-wait]");
  const dialog = document.getElementById("waterfall");
  if (!link || !dialog || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  try {
    const { html } = await fragment(link.href, "wait");
    dialog.querySelector(".waterfall-place").replaceChildren(...html.body.childNodes);
    dialog.showModal();
    dialog.querySelector("h2").focus();
  } catch {
    toast(words.failed, { bad: true });
  }
});
