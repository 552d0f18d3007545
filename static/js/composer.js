// The composer: grows with what is typed, is filled by the examples, keeps its focus after sending.

import { isFree } from "./frame.js";

function grow(field) {
  const lines = Math.min(20, field.value.split("\n").length);
  field.rows = Math.max(2, lines);
}

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-grow]")) grow(event.target);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fill]");
  const field = document.querySelector("#composer textarea");
  if (!button || !field) return;
  field.value = button.form.elements.task_description.value;
  const { agent } = field.form.elements;
  agent.value = button.form.elements.agent.value;
  agent.dispatchEvent(new Event("change", { bubbles: true }));
  grow(field);
  field.focus();
  field.scrollIntoView({ block: "center" });
});

const SOURCES = ["composer", "compose-offline"];

// What became of an earlier task says nothing of the one that is being sent.
document.addEventListener("htmx:before:request", (event) => {
  if (event.detail.ctx.sourceElement.id !== "composer") return;
  document.querySelector("#composer .composer-said[role=status]")?.remove();
  document.querySelector("#composer .unanswered").hidden = true;
});
document.addEventListener("htmx:error", (event) => {
  if (event.detail.ctx?.sourceElement.id !== "composer") return;
  document.querySelector("#composer .unanswered").hidden = false;
});

let typedIn = false;
document.addEventListener("htmx:before:request", (event) => {
  if (SOURCES.includes(event.detail.ctx.sourceElement.id)) {
    typedIn = document.activeElement?.closest("#composer") !== null;
  }
});
document.addEventListener("htmx:after:swap", (event) => {
  const source = event.detail.ctx.sourceElement.id;
  if (!SOURCES.includes(source)) return;
  const field = document.querySelector("#composer textarea");
  if (field) grow(field);
  const wrong = document.querySelector("#composer [aria-invalid]");
  if (field && typedIn && isFree()) (wrong ?? field).focus();
  if (source === "composer") document.querySelector("main .first")?.remove();
});

const field = document.querySelector("#composer textarea");
if (field) grow(field);
