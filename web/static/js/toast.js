// Short messages at the foot of the page, with an action where something can be undone.
const place = document.getElementById("toasts");

export function toast(text, { action, run, key, bad = false, seconds = 5 } = {}) {
  const box = document.createElement("div");
  box.className = bad ? "toast toast-bad" : "toast";
  const line = document.createElement("span");
  line.textContent = text;
  box.append(line);
  const close = () => box.remove();
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "link";
    button.textContent = action;
    button.onclick = () => { close(); run(); };
    box.append(button);
    if (key) box.append(Object.assign(document.createElement("kbd"), { textContent: key }));
  }
  while (place.children.length > 2) place.firstElementChild.remove();
  place.append(box);
  setTimeout(close, seconds * 1000);
  return { close, say: (now) => { line.textContent = now; } };
}

let announced = 0;
export function announce(text) { // for screen readers: at most once in five seconds
  if (Date.now() - announced < 5000) return;
  announced = Date.now();
  document.getElementById("announce").textContent = text;
}
