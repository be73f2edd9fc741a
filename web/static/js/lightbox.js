// Pictures of messages, large: over the page, with the arrow keys from one to the next. Without scripts they open in a tab of their own.
import { words } from "./words.js";

const dialog = document.getElementById("lightbox");
const [image, name, place, save] = ["img", ".lightbox-name", ".lightbox-place", ".lightbox-save"].map((selector) => dialog.querySelector(selector));
let pictures = [], at = 0;

document.addEventListener("click", (event) => {
  const link = event.target.closest(".picture");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  pictures = [...document.querySelectorAll("#conversation .timeline .picture")];
  show(pictures.indexOf(link));
  dialog.showModal();
});

function show(next) {
  at = Math.max(0, Math.min(pictures.length - 1, next));
  const { href } = pictures[at], { alt } = pictures[at].querySelector("img");
  image.removeAttribute("src"); // the one before is gone at once
  Object.assign(image, { src: href, alt });
  name.textContent = alt;
  place.textContent = pictures.length > 1 ? `${at + 1} / ${pictures.length}` : "";
  save.href = href;
  save.download = alt;
  for (const [step, button] of [[-1, "previous"], [1, "next"]]) dialog.querySelector(`[data-picture=${button}]`).disabled = !pictures[at + step];
}

dialog.addEventListener("keydown", (event) => {
  const forward = getComputedStyle(dialog).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
  if (event.key === "ArrowRight" || event.key === "ArrowLeft") show(at + (event.key === forward ? 1 : -1));
});
dialog.addEventListener("click", (event) => {
  const step = event.target.closest("[data-picture]");
  if (step) show(at + (step.dataset.picture === "next" ? 1 : -1));
  else if (!event.target.closest("img, a, button")) dialog.close();
});
dialog.addEventListener("close", () => { image.removeAttribute("src"); if (pictures[at]?.isConnected) pictures[at].focus(); });
image.addEventListener("error", () => { if (image.hasAttribute("src")) name.textContent = words.picture_gone; });
