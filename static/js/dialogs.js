// What asks first comes as a fragment into one dialog; without this file it is a page of its own.

const ask = document.getElementById("ask");

document.addEventListener("htmx:after:swap", (event) => {
  if (event.detail.ctx.target !== ask || !ask.firstElementChild || ask.open) return;
  ask.showModal();
  ask.querySelector("input:not([type=hidden]), button")?.focus();
});
ask?.addEventListener("click", (event) => {
  if (event.target === ask || event.target.closest("[data-close]")) {
    event.preventDefault();
    ask.close();
  }
});
ask?.addEventListener("close", () => ask.replaceChildren());
document.addEventListener("htmx:before:request", (event) => {
  if (event.detail.ctx.sourceElement.matches?.("[data-closes]")) ask.close();
});

// A form that was taken is empty again; the morph alone would keep what was typed.
document.addEventListener("htmx:after:request", (event) => {
  const { sourceElement: form, response } = event.detail.ctx;
  const status = response?.status ?? response?.raw?.status;
  if (form.matches?.("form[data-reset]") && status < 400) form.reset();
});

// A refusal is read and dismissed, or forgotten once something has worked.
document.addEventListener("click", (event) => {
  event.target.closest("[data-dismiss]")?.closest(".notice").remove();
});
document.addEventListener("htmx:after:request", (event) => {
  const { request, response } = event.detail.ctx;
  const status = response?.status ?? response?.raw?.status;
  if (request.method.toUpperCase() !== "GET" && status < 400) {
    document.querySelectorAll("#notices .notice-error").forEach((notice) => notice.remove());
  }
});
