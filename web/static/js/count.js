// How long a text is as the platform counts it; the server counts the same (inbox/conversations/lengths.py) and decides.
const LIGHT = [[0, 4351], [8192, 8205], [8208, 8223], [8242, 8247]]; // X counts these once, all others twice
const segmenter = new Intl.Segmenter();

export function length(text, unit) {
  if (unit === "bytes") return new TextEncoder().encode(text).length;
  if (unit === "utf16") return text.length;
  if (unit === "graphemes") return [...segmenter.segment(text)].length;
  if (unit === "x_weighted") return weighted(text.normalize("NFC"));
  return [...text].length;
}

function weighted(text) {
  const links = text.match(/(?:https?:\/\/|www\.)\S+/gi) ?? [];
  const rest = text.replace(/(?:https?:\/\/|www\.)\S+/gi, "");
  return links.length * 23 + [...segmenter.segment(rest)].reduce((sum, { segment }) => sum + weight(segment), 0);
}

function weight(cluster) {
  if (/\p{Extended_Pictographic}|\p{Regional_Indicator}/u.test(cluster) && cluster.codePointAt(0) > 255) return 2;
  return [...cluster].reduce((sum, letter) => sum + (LIGHT.some(([first, last]) => letter.codePointAt(0) >= first && letter.codePointAt(0) <= last) ? 1 : 2), 0);
}
