// A part of the page that tells how something goes on is read again until it has come to its end.
import { morph } from "./morph.js";

const PAUSE = 1500; // milliseconds
const part = () => document.querySelector("[data-progress]");

async function look() {
  const shown = part();
  try {
    const response = await fetch(location.pathname, { headers: { accept: "text/html" } });
    const next = new DOMParser().parseFromString(await response.text(), "text/html").getElementById(shown.id);
    if (next) morph(shown, next);
  } catch { /* the server is away for a moment */ }
  if (part()) setTimeout(look, PAUSE);
}

if (part()) setTimeout(look, PAUSE);
