// What is being written into the search while an answer to earlier words comes in: it stays, with the cursor in it.
const box = () => document.getElementById("search");

export function takeSearch() {
  const before = box();
  if (document.activeElement !== before) return () => {};
  const { value, selectionStart, selectionEnd } = before;
  return () => {
    box().value = value;
    box().focus();
    box().setSelectionRange(selectionStart, selectionEnd);
  };
}
