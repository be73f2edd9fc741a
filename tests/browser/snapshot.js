// What a reader sees, without what belongs to the moment: ticking texts, random keys, what the pointer does, where what was
// new began when the page was read.
() => {
  const skip = new Set(["data-event", "data-first-new", "data-age", "title", "data-end", "aria-selected", "data-applied", "open"]);
  const draw = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.nodeValue.replace(/\s+/g, " ").trim() || null;
    if (node.nodeType !== Node.ELEMENT_NODE) return null;
    const attributes = [...node.attributes].filter(({ name }) => !skip.has(name) && !(node.name === "client_key" && name === "value"));
    const own = node.hasAttribute("data-own") || node.nodeName === "TEXTAREA";
    return {
      name: node.nodeName,
      attributes: Object.fromEntries(attributes.map(({ name, value }) => [name, value]).sort()),
      children: own ? [] : [...node.childNodes].map(draw).filter(Boolean),
    };
  };
  const parts = { side: "#views", notices: ".list-notices", items: "#items", head: ".head", due: ".due-why", post: ".post", timeline: ".timeline", whom: ".whom", presence: ".presence", contact: "#contact" };
  const found = Object.entries(parts).map(([name, selector]) => [name, document.querySelector(selector)]);
  return JSON.stringify(Object.fromEntries(found.map(([name, node]) => [name, node && draw(node)])));
}
