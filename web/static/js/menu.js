// On a telephone a menu is a row that scrolls sideways: bring what is shown into its middle.
for (const row of document.querySelectorAll(".side .nav")) {
  const current = row.querySelector("[aria-current]")?.getBoundingClientRect();
  const frame = row.getBoundingClientRect();
  if (current) row.scrollLeft += current.left - frame.left - (frame.width - current.width) / 2;
}
