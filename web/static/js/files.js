// Files to send: chosen, pasted or dropped, uploaded at once, removable until the reply is sent, kept while another conversation is open.
import { change } from "./request.js";
import { toast } from "./toast.js";
import { conversationPath, fill, openId, words } from "./words.js";

const composer = () => document.querySelector(".composer");
const place = () => composer()?.querySelector(".chosen-files");
const takes = () => composer()?.querySelector("[data-attach]") && composer().dataset.mode !== "note";
const kept = new Map(); // conversation → the chips that its reader left there

export const isUploading = () => Boolean(place()?.querySelector("[data-uploading]"));
export const chosenFiles = () => [...place().querySelectorAll("[name=attachment]")].map(({ value, dataset }) => ({ id: value, name: dataset.file }));

// A reply that was taken back brings its files back too.
export function giveFilesBack(files = []) {
  for (const file of files) if (place() && !place().querySelector(`[value="${file.id}"]`)) fillChip(place().appendChild(makeChip()), file);
}

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-attach]")) return;
  for (const file of event.target.files) upload(file);
  event.target.value = "";
});
document.addEventListener("paste", (event) => {
  if (!event.target.closest?.(".composer") || !takes() || !event.clipboardData.files.length) return;
  event.preventDefault();
  for (const file of event.clipboardData.files) upload(file);
});

let over = 0; // entering a child comes before leaving its parent
const bearsFiles = (event) => takes() && event.dataTransfer?.types.includes("Files");
document.addEventListener("dragenter", (event) => { if (bearsFiles(event)) { over += 1; composer().setAttribute("data-drop", ""); } });
document.addEventListener("dragleave", (event) => { if (bearsFiles(event) && --over <= 0) endDrag(); });
document.addEventListener("dragover", (event) => { if (bearsFiles(event)) event.preventDefault(); });
document.addEventListener("drop", (event) => {
  endDrag();
  if (!takes() || !event.dataTransfer?.files.length) return;
  event.preventDefault();
  for (const file of event.dataTransfer.files) upload(file);
});

function endDrag() {
  over = 0;
  composer()?.removeAttribute("data-drop");
}

async function upload(file) {
  const chip = place().appendChild(makeChip());
  chip.textContent = fill(words.uploading, { name: file.name });
  chip.setAttribute("data-uploading", "");
  const form = new FormData();
  form.append("file", file);
  try {
    fillChip(chip, await change("POST", `${conversationPath()}/attachments`, form, { quiet: true }), file);
  } catch (error) {
    chip.remove();
    toast(error.status === 413 ? fill(words.too_big, { name: file.name }) : error.message, { bad: true });
  }
}

function makeChip() {
  const chip = document.createElement("li");
  chip.className = "chip";
  return chip;
}

function fillChip(chip, { id, name }, file) {
  const field = Object.assign(document.createElement("input"), { type: "hidden", name: "attachment", value: id });
  const label = Object.assign(document.createElement("span"), { className: "cut", dir: "auto", textContent: name });
  const remove = Object.assign(document.createElement("button"), { type: "button", textContent: "×", ariaLabel: `${words.remove} ${name}` });
  field.dataset.file = name;
  remove.onclick = () => { chip.remove(); composer().querySelector("textarea").focus(); };
  chip.removeAttribute("data-uploading");
  chip.replaceChildren(...(file?.type.match(/^image\/(png|jpeg|gif|webp)$/) ? [preview(file)] : []), label, field, remove);
}

function preview(file) {
  const image = Object.assign(new Image(), { src: URL.createObjectURL(file), alt: "" });
  image.onload = image.onerror = () => URL.revokeObjectURL(image.src);
  return image;
}

document.addEventListener("conversation-left", () => { if (place()?.children.length) kept.set(openId(), [...place().children]); });
document.addEventListener("conversation-shown", () => {
  const chips = kept.get(openId());
  kept.delete(openId());
  if (chips && place()) place().append(...chips);
});
