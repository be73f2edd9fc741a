// The contact beside the conversation: opened over it where there is no room; forgotten after the name was typed.
import { change } from "./request.js";
import { toast } from "./toast.js";
import { pane, words } from "./words.js";

export function toggleContact() {
  const isOpen = pane().toggleAttribute("data-contact");
  if (isOpen) document.getElementById("contact")?.focus();
}

document.addEventListener("submit", async (event) => {
  if (!event.target.matches(".erase form")) return;
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true; // erasing twice says that there is nobody
  try {
    await change("POST", event.target.action, Object.fromEntries(new FormData(event.target)));
    toast(words.erased);
  } catch {
    button.disabled = false; // the refusal has been said
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !pane()?.hasAttribute("data-contact") || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  pane().removeAttribute("data-contact");
}, true);
