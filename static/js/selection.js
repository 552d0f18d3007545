// Lines of the history that are selected, and what is done to them. A selection is of the page
// that is seen: a poll and a search keep it as far as its lines are still there.
import { refresh } from "./polling.js";

const boxes = () => [...document.querySelectorAll('#rows input[name="task"]')];
let last = null; // the box that was clicked last: a click with shift goes from there

function tell() {
  const form = document.getElementById("bulk");
  if (!form) return;
  const all = boxes();
  const chosen = all.filter((box) => box.checked).length;
  const match = document.getElementById("bulk-scope")?.checked ?? false;
  const words = form.querySelector(".bulk-count");
  const said = match ? words.dataset.match : words.dataset.some.replace("{n}", chosen);
  if (words.textContent !== said) words.textContent = said;
  form.classList.toggle("on", match || chosen > 0);
  const whole = document.getElementById("pick-all");
  if (!whole) return;
  whole.checked = chosen > 0 && chosen === all.length;
  whole.indeterminate = chosen > 0 && chosen < all.length;
}

document.addEventListener("click", (event) => {
  const box = event.target.closest?.('#rows input[name="task"]');
  if (!box) return;
  const all = boxes();
  const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
  if (event.shiftKey && from >= 0) {
    for (const other of all.slice(from, to + 1)) other.checked = box.checked;
  }
  last = box;
});
document.addEventListener("change", (event) => {
  if (event.target.id === "pick-all") {
    for (const box of boxes()) box.checked = event.target.checked;
  }
  tell();
});
document.addEventListener("reset", () => setTimeout(tell)); // the boxes are reset after this
document.addEventListener("htmx:after:swap", (event) => {
  if (event.detail.ctx.sourceElement.matches?.("[data-bulk-act]")) {
    document.getElementById("ask")?.close();
    document.getElementById("bulk")?.reset();
    refresh();
  }
  tell();
});
window.addEventListener("pageshow", tell);
