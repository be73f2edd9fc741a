// Light or dark, as this browser was told last.
import { root } from "./words.js";

export function switchTheme() {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = localStorage.theme = dark ? "light" : "dark";
}

if (localStorage.theme) root.dataset.theme = localStorage.theme;
