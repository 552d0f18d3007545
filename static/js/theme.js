// Runs before the first paint: the colour theme the reader chose, or the system's own.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const chosen = localStorage.getItem("lineup.theme");
    if (chosen === "dark" || chosen === "light") root.dataset.bsTheme = chosen;
  } catch {
    // a browser that keeps nothing for us: the system's theme it is
  }
})();
