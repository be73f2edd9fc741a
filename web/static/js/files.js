// Files to send: chosen, pasted or dropped, uploaded at once, removable until the reply is sent.
import { change } from "./request.js";
import { toast } from "./toast.js";
import { conversationPath, fill, words } from "./words.js";

const composer = () => document.querySelector(".composer");
const takes = () => composer()?.querySelector("[data-attach]") && composer().dataset.mode !== "note";

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
document.addEventListener("dragover", (event) => { if (takes() && event.dataTransfer?.types.includes("Files")) event.preventDefault(); });
document.addEventListener("drop", (event) => {
  if (!takes() || !event.dataTransfer?.files.length) return;
  event.preventDefault();
  for (const file of event.dataTransfer.files) upload(file);
});

async function upload(file) {
  const place = composer().querySelector(".chosen-files"), chip = document.createElement("li");
  chip.className = "chip";
  chip.textContent = fill(words.uploading, { name: file.name });
  place.append(chip);
  const form = new FormData();
  form.append("file", file);
  try {
    const kept = await change("POST", `${conversationPath()}/attachments`, form, { quiet: true });
    const field = Object.assign(document.createElement("input"), { type: "hidden", name: "attachment", value: kept.id });
    const remove = Object.assign(document.createElement("button"), { type: "button", textContent: "×", ariaLabel: `${words.remove} ${kept.name}` });
    remove.onclick = () => chip.remove();
    chip.replaceChildren(kept.name, field, remove);
    composer().querySelector("textarea").required = false;
  } catch (error) {
    chip.remove();
    toast(error.status === 413 ? fill(words.too_big, { name: file.name }) : error.message, { bad: true });
  }
}
