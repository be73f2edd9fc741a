// Elements without markup in strings: pages that require trusted types accept it, and nothing that somebody wrote is ever parsed.

const SVG = "http://www.w3.org/2000/svg";

const DRAWINGS = {
  chat: ["M20 11.5a8 8 0 0 1-8 8c-1.3 0-2.6-.3-3.7-.9L4 20l1.4-4.1A8 8 0 1 1 20 11.5Z"],
  close: ["M6 6l12 12", "M18 6 6 18"],
  down: ["M6 9.5l6 6 6-6"],
  send: ["M12 19V5.5", "M6 11.5l6-6 6 6"],
  clip: ["M20 11.3l-8.1 8.1a5 5 0 0 1-7.1-7.1l8.4-8.4a3.3 3.3 0 0 1 4.7 4.7l-8.3 8.3a1.6 1.6 0 0 1-2.3-2.3l7.5-7.5"],
  more: ["M5 11.5h.01v1h-.01Z", "M12 11.5h.01v1h-.01Z", "M19 11.5h.01v1h-.01Z"],
  file: ["M13.5 3H7a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V8.5Z", "M13.5 3v5.5H19"],
};

/** An element with attributes, listeners (`on: {click}`) and children; text is text. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

/** A decorative drawing: the button around it has the words. */
export function icon(name, size = 20) {
  const drawing = document.createElementNS(SVG, "svg");
  const attributes = { viewBox: "0 0 24 24", width: size, height: size, fill: "none", stroke: "currentColor", "stroke-width": 2 };
  for (const [key, value] of Object.entries({ ...attributes, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" })) {
    drawing.setAttribute(key, value);
  }
  for (const line of DRAWINGS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", line);
    drawing.append(path);
  }
  return drawing;
}

/** Text with its web addresses as links that tell the other site nothing. */
export function linked(text) {
  const parts = text.split(/(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]])/);
  return parts.filter(Boolean).map((part) =>
    /^https?:\/\//.test(part) ? element("a", { href: part, target: "_blank", rel: "noopener noreferrer nofollow" }, part) : part,
  );
}

/** Black or white, whichever reads better on a colour (WCAG relative luminance). */
export function inkOn(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const share = parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const light = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return 1.05 / (light + 0.05) >= (light + 0.05) / 0.05 ? "#fff" : "#000";
}
