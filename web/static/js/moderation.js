// What can be done to a message on its platform: offered in its menu with what it really does, shown at once, taken back with one key.
import { offerUndo } from "./actions.js";
import { option } from "./choosers.js";
import { answerMessage } from "./composer.js";
import { parse } from "./morph.js";
import { change } from "./request.js";
import { canAct, conversationPath, openId, root, words } from "./words.js";

const supervises = ["supervisor", "admin"].includes(root.dataset.role);
const offers = () => JSON.parse(document.getElementById("offers")?.textContent ?? "[]");

// The entries of a message's menu: only what the platform offers for this message, and what the reader may do.
export function moderating(entry) {
  const facts = factsOf(entry);
  return offers().filter((offer) => canAct && fits(offer, facts)).map((offer) => {
    const item = option(`menu-${offer.action}`, offer.name, { does: offer.action });
    item.append(Object.assign(document.createElement("small"), { className: "consequence", textContent: offer.consequence }));
    return { item, run: () => begin(offer, entry) };
  });
}

function factsOf(entry) {
  const [, side, member] = entry.dataset.author.match(/^(in|out)\d*\/(\d*)\//) ?? [], said = entry.querySelector(".said");
  const ours = side === "out";
  return { ours, own: ours && member === root.dataset.member, hidden: said.hasAttribute("data-hidden"), letter: said.querySelector(".letter"), going: said.dataset.moderating?.split(" ") ?? [] };
}

function fits({ action, own }, is) {
  if (is.going.includes(action)) return false;
  if (action === "edit") return is.ours && !is.letter && (is.own || supervises);
  if (action === "delete") return (is.ours || !own) && (is.own || supervises);
  if (is.ours || own) return false;
  if (action === "hide") return !is.hidden;
  return ["unhide", "approve"].includes(action) ? is.hidden : true;
}

function begin(offer, entry) {
  if (offer.action === "private_reply") return answerMessage(entry.dataset.number, entry.querySelector("header b").textContent, "private");
  if (offer.action === "edit") return edit(offer, entry);
  return request(offer, entry);
}

async function request(offer, entry, text = "") {
  const path = `${conversationPath()}/messages/${entry.dataset.number}/actions`, id = openId(), said = entry.querySelector(".said");
  const line = parse(`<div class="deed" data-state="queued"><span></span></div>`);
  line.firstElementChild.textContent = `${offer.name}: ${words.in_a_moment}`;
  said.append(line); // what the server draws takes its place
  const going = said.dataset.moderating;
  said.dataset.moderating = [...factsOf(entry).going, offer.action].join(" ");
  try {
    const { action, act_at: leaves } = await change("POST", path, { action: offer.action, client_key: crypto.randomUUID(), text });
    const seconds = Math.max(1, Math.round((new Date(leaves) - Date.now()) / 1000));
    offerUndo(`${offer.name} …`, () => change("DELETE", `${path}/${action}`), id, seconds);
    return true;
  } catch {
    line.remove();
    if (going) said.dataset.moderating = going; // what else is on its way stays so
    else said.removeAttribute("data-moderating");
    return false;
  }
}

function edit(offer, entry) {
  const dialog = document.getElementById("edit-reply"), box = dialog.querySelector("textarea");
  dialog.querySelector(".consequence").textContent = offer.consequence;
  box.value = entry.querySelector(".body").textContent;
  dialog.querySelector("form").onsubmit = async (event) => {
    event.preventDefault();
    if (await request(offer, entry, box.value)) dialog.close(); // a refusal keeps what was written
  };
  dialog.showModal();
}

document.addEventListener("click", (event) => event.target.closest("[data-close]")?.closest("dialog").close());
