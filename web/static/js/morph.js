// Makes an element look like another while keeping what the person has in hand: focus, selection, scroll, open <details>.
// data-keep: the subtree belongs to the page. data-own: the text belongs to the page (ticking times), attributes are taken over.
const KEPT = { DETAILS: ["open"], DIALOG: ["open"] };

export function morph(current, next) {
  if (current.nodeType !== Node.ELEMENT_NODE) {
    if (current.nodeValue !== next.nodeValue) current.nodeValue = next.nodeValue;
    return;
  }
  if (current.hasAttribute("data-keep") && current.id === next.id) return;
  if (current.isEqualNode(next)) return;
  takeAttributes(current, next);
  if (current.hasAttribute("data-own")) return;
  if (current.nodeName === "TEXTAREA" || current.nodeName === "SELECT") return;
  takeChildren(current, next);
}

function takeAttributes(current, next) {
  const kept = KEPT[current.nodeName] ?? [];
  for (const { name, value } of [...next.attributes]) {
    if (!kept.includes(name) && current.getAttribute(name) !== value) current.setAttribute(name, value);
  }
  for (const { name } of [...current.attributes]) {
    if (!kept.includes(name) && !next.hasAttribute(name)) current.removeAttribute(name);
  }
}

const alike = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName && (one.id || "") === (other.id || "");

function takeChildren(current, next) {
  const byId = new Map([...current.children].filter((child) => child.id).map((child) => [child.id, child]));
  const wanted = new Set([...next.children].map((child) => child.id).filter(Boolean));
  let at = current.firstChild;
  for (const child of [...next.childNodes]) {
    const match = child.id ? byId.get(child.id) : firstAlike(at, child, wanted);
    if (match && alike(match, child)) {
      if (match === at) at = at.nextSibling;
      else current.insertBefore(match, at);
      morph(match, child);
    } else {
      current.insertBefore(document.importNode(child, true), at);
    }
  }
  while (at) {
    const rest = at;
    at = at.nextSibling;
    rest.remove();
  }
}

function firstAlike(from, child, wanted) {
  for (let node = from; node; node = node.nextSibling) {
    if (alike(node, child) && !node.id) return node;
    if (node.id && wanted.has(node.id)) return null; // do not skip what comes later
  }
  return null;
}

const box = document.createElement("template");
export function parse(html) {
  box.innerHTML = html.trim();
  return box.content.firstElementChild;
}
