// Running times tick here, from the seconds the server last said; the server's word replaces ours.

const known = new WeakMap(); // element -> {said, from}

function face(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const pad = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const rest = `${pad(Math.floor(whole / 60) % 60)}:${pad(whole % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

let lost = false; // then nobody knows how long it has run by now
document.addEventListener("lineup:connection", (event) => {
  lost = event.detail.lost;
});

export function tick() {
  if (lost) return;
  const now = Date.now(); // goes on while a laptop sleeps, as performance.now() may not
  for (const element of document.querySelectorAll("[data-elapsed]")) {
    const said = element.dataset.elapsed;
    let clock = known.get(element);
    if (!clock || clock.said !== said) {
      clock = { said, from: now - Number(said) * 1000 };
      known.set(element, clock);
    }
    const text = face((now - clock.from) / 1000);
    if (element.textContent !== text) element.textContent = text;
  }
}

setInterval(tick, 250);
document.addEventListener("htmx:after:swap", tick);
tick();
