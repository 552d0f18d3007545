// The form of a schedule: the preset that the server recognised in what was typed is chosen.

// A morph moves the attribute alone: what somebody has clicked keeps a mind of its own.
document.addEventListener("htmx:after:swap", ({ detail }) => {
  if (detail.ctx.sourceElement.id !== "schedule") return;
  const radios = document.querySelectorAll("#schedule input[type=radio]");
  if ([...radios].includes(document.activeElement)) return; // just chosen, and not answered yet
  for (const radio of radios) radio.checked = radio.hasAttribute("checked");
});
