// How many conversations are unread: in the title and as a dot on the icon. It clears by reading.
import { pane, root } from "./words.js";

const heading = () => document.querySelector("#list h1")?.textContent ?? "";
const MANY = 100, rest = document.title.slice(heading().length), icon = document.querySelector("link[rel=icon]"), address = icon.href;
let unread = Number(root.dataset.unread ?? 0), drawn = null;

export function setUnread(count) {
  unread = count;
  draw();
}

async function draw() {
  const name = pane()?.dataset.title;
  document.title = `${unread ? `(${unread >= MANY ? `${MANY - 1}+` : unread}) ` : ""}${name ? `${name} · ` : ""}${heading()}${rest}`;
  if (Boolean(unread) === drawn) return;
  drawn = Boolean(unread);
  icon.href = drawn ? await dotted() : address;
}

async function dotted() {
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 64 }), pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0, 64, 64);
  pen.fillStyle = "#d33";
  pen.beginPath();
  pen.arc(50, 14, 13, 0, 2 * Math.PI);
  pen.fill();
  return canvas.toDataURL();
}

for (const event of ["conversation-shown", "list-shown"]) document.addEventListener(event, draw);
draw();
