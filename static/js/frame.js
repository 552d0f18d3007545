// The frame: title and favicon carry the state of the world; the theme switch goes round.

const SIGNS = { running: "▶ ", paused: "❚❚ ", waiting: "… ", lost: "! " };
const plain = document.title;
const icon = document.querySelector("link[rel=icon]");
const statics = document.body.dataset.static;
let lost = false;
new Image().src = `${statics}favicon-lost.svg`; // it cannot be fetched once it is needed

function show() {
  const world = document.getElementById("strip")?.dataset.state ?? "idle";
  const state = lost ? "lost" : world;
  document.title = (SIGNS[state] ?? "") + plain;
  const href = `${statics}favicon${state in SIGNS ? `-${state}` : ""}.svg`;
  if (icon && icon.getAttribute("href") !== href) icon.setAttribute("href", href);
}

// Whoever began to type before this came is not taken away from it.
export const isFree = () => document.activeElement === document.body;

// A form that comes back refused begins where the first thing is wrong.
if (isFree()) document.querySelector("main [aria-invalid='true']:not([type=hidden])")?.focus();

// On a phone a row of tabs is wider than the page.
const tab = document.querySelector(".tabs [aria-current]");
if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 48;

document.addEventListener("htmx:after:swap", show);
document.addEventListener("lineup:connection", (event) => {
  lost = event.detail.lost;
  show();
});
show();

const THEMES = ["", "light", "dark"]; // as the system is, light, dark

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-switch]")) return;
  const root = document.documentElement;
  const next = THEMES[(THEMES.indexOf(root.dataset.bsTheme ?? "") + 1) % THEMES.length];
  if (next) root.dataset.bsTheme = next;
  else delete root.dataset.bsTheme;
  try {
    localStorage.setItem("lineup.theme", next);
  } catch {
    // not remembered then
  }
});
