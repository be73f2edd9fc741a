// Typing leaves the platforms in whose name or description all the words are; Enter opens the first.
const field = document.getElementById("find"), none = document.getElementById("none");
const input = field.querySelector("input"), groups = [...document.querySelectorAll(".platform-group")];

function filter() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const group of groups) {
    const about = group.querySelector("h2").textContent;
    for (const entry of group.querySelectorAll("li")) {
      const told = `${about} ${entry.textContent}`.toLowerCase();
      entry.hidden = !words.every((word) => told.includes(word));
    }
    group.hidden = !group.querySelector("li:not([hidden])");
  }
  none.hidden = groups.some((group) => !group.hidden);
}

input.addEventListener("input", filter);
input.addEventListener("keydown", (event) => {
  if (event.key === "Enter") document.querySelector(".platform-group li:not([hidden]) a")?.click();
});
field.hidden = false;
filter();
