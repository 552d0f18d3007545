// The filters of the list of tasks, and the link to what they show.

// A period and two days say one thing in two ways: choosing one empties the other, before it is
// sent.
document.addEventListener(
  "change",
  ({ target }) => {
    const form = target.closest?.("#filter");
    if (!form || !target.value) return;
    if (target.name === "when") {
      for (const day of form.querySelectorAll('[name="since"], [name="until"]')) day.value = "";
    } else if (target.name === "since" || target.name === "until") {
      form.querySelector('[name="when"]').value = "";
    }
  },
  true,
);

// Without a secure connection a browser keeps its clipboard closed; the address bar has the link.
if (navigator.clipboard) document.documentElement.classList.add("can-copy");

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy-link]");
  if (!button) return;
  await navigator.clipboard.writeText(new URL(button.dataset.copyLink, location.href).href);
  const words = button.querySelector("span");
  const before = words.textContent;
  words.textContent = button.dataset.done;
  setTimeout(() => (words.textContent = before), 2_000);
});
