// The keyboard: single letters when nobody is typing, and Ctrl-K for everything.

const find = (selector) => document.querySelector(selector);
const palette = document.getElementById("palette");
const keyboard = document.getElementById("keyboard");
let going = 0; // until when a letter after g means a page

// A dialog that has closed keeps the focus in its field until the page is painted anew.
const typing = (target) =>
  target.closest?.("input, textarea, select, [contenteditable]") &&
  !target.closest("dialog:not([open])");

function press(key) {
  const element = find(`main [data-key="${key}"]`);
  if (element) element.click();
  return Boolean(element);
}

function compose() {
  const field = find("#composer textarea");
  if (field) field.focus();
  else location.assign("/#task_description");
}

function search() {
  const field = find("main [data-search-field]");
  if (field) field.focus();
  else openPalette();
}

function openPalette() {
  palette.showModal();
  const field = palette.querySelector("input");
  field.value = "";
  narrow();
  field.focus();
}

function go(letter) {
  const link = find(`.rail [data-go="${letter}"]`);
  if (link) location.assign(link.href);
}

const actions = {
  "?": () => keyboard.showModal(),
  c: compose,
  "/": search,
  p: () => press("p"),
  x: () => press("x"),
  g: () => {
    going = Date.now() + 1500;
  },
};

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    if (!palette.open) openPalette();
    return;
  }
  if (
    event.key === "Enter" &&
    (event.ctrlKey || event.metaKey) &&
    event.target.closest?.("#composer")
  ) {
    event.preventDefault();
    find("#composer-actions button")?.click();
    return;
  }
  if (event.key === "Escape" && typing(event.target) && !event.target.closest("dialog")) {
    event.target.blur();
    return;
  }
  if (
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    typing(event.target) ||
    find("dialog[open]")
  )
    return;
  if (going > Date.now()) {
    going = 0;
    go(event.key);
    return;
  }
  const action = actions[event.key];
  if (action) {
    event.preventDefault();
    action();
  }
});

// The palette: a list that narrows while one types; Enter takes the marked one.
const entries = () => [...palette.querySelectorAll("li")].filter((entry) => !entry.hidden);

function mark(index) {
  const shown = entries();
  palette.querySelectorAll("li.on").forEach((entry) => entry.classList.remove("on"));
  const chosen = shown[(index + shown.length) % shown.length];
  chosen?.classList.add("on");
  chosen?.scrollIntoView({ block: "nearest" });
}

function narrow() {
  const words = palette.querySelector("input").value.trim().toLowerCase();
  for (const entry of palette.querySelectorAll("li")) {
    const always = entry.hasAttribute("data-search");
    entry.hidden = always ? !words : !entry.textContent.toLowerCase().includes(words);
  }
  const starts = entries().findIndex((entry) =>
    entry.textContent.trim().toLowerCase().startsWith(words),
  );
  mark(Math.max(0, starts));
}

palette?.addEventListener("input", narrow);
palette?.addEventListener("keydown", (event) => {
  const shown = entries();
  const at = shown.findIndex((entry) => entry.classList.contains("on"));
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    mark(at + (event.key === "ArrowDown" ? 1 : -1));
  } else if (event.key === "Enter" && event.target.matches("input")) {
    event.preventDefault();
    shown[Math.max(0, at)]?.firstElementChild.click();
  }
});
palette?.addEventListener("click", (event) => {
  if (event.target === palette) palette.close();
  const letter = event.target.closest("[data-do]")?.dataset.do;
  if (letter) {
    palette.close();
    press(letter);
  }
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-palette]")) openPalette();
  if (event.target === keyboard) keyboard.close();
});
