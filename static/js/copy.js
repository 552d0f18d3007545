// A button that copies a block of code, where the browser allows pages to write the clipboard.

const SHOWN_MS = 1500;

function add(block, words) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn copy";
  button.textContent = words.copy;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.textContent.trimEnd());
    button.textContent = words.copied;
    setTimeout(() => (button.textContent = words.copy), SHOWN_MS);
  });
  const frame = document.createElement("div");
  frame.className = "copyable";
  block.replaceWith(frame);
  frame.append(block, button);
}

if (navigator.clipboard) {
  for (const part of document.querySelectorAll("[data-copyable]"))
    for (const block of part.querySelectorAll("pre")) add(block, part.dataset);
}
