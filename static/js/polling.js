// Polls slow down in a hidden tab, catch up when it is seen again, and say when nobody answers.

const HIDDEN_MS = 30_000;
const last = new WeakMap(); // element -> when it last asked

const isPoll = (event) => event.detail.ctx.sourceEvent?.type === "every";

document.addEventListener("htmx:config:request", (event) => {
  if (!isPoll(event)) return;
  const source = event.detail.ctx.sourceElement;
  const now = Date.now();
  if (document.hidden && now - (last.get(source) ?? 0) < HIDDEN_MS) {
    event.preventDefault();
    return;
  }
  last.set(source, now);
});

export function refresh() {
  document.body.dispatchEvent(new CustomEvent("refresh"));
}

// What moved below has moved in the strip too, which would deny it for another five seconds.
const world = () => document.getElementById("live")?.dataset.world;
let shown = world();
document.addEventListener("htmx:after:swap", () => {
  if (shown === world()) return;
  shown = world();
  document.body.dispatchEvent(new CustomEvent("moved"));
});

let lost = false;

export function answered(ok) {
  if (lost === !ok) return;
  lost = !ok;
  document.getElementById("lost")?.toggleAttribute("hidden", ok);
  document.dispatchEvent(new CustomEvent("lineup:connection", { detail: { lost } }));
  if (!ok) return;
  document.querySelector("#notices .notice-trouble")?.remove(); // it was about this
  refresh();
}

// The page stays as it is: what somebody was typing is theirs to save.
export function loggedOut(so) {
  document.getElementById("logged-out")?.toggleAttribute("hidden", !so);
}

document.addEventListener("htmx:error", (event) => {
  if (event.detail.error?.name !== "AbortError") answered(false);
});
document.addEventListener("htmx:after:request", (event) => {
  const status = event.detail.ctx.response?.status ?? event.detail.ctx.response?.raw?.status;
  if (!status) return;
  answered(status < 500);
  loggedOut(status === 401);
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh();
});
window.addEventListener("online", refresh);

// A jump of the clock means that this machine slept: what is shown is old.
let seen = Date.now();
setInterval(() => {
  const now = Date.now();
  if (now - seen > 15_000 && !document.hidden) refresh();
  seen = now;
}, 2_000);
