// A task's output: what comes is appended once a second, what was before is loaded on demand.
// The page never holds more than a few thousand lines, however many there are.

import { answered, loggedOut } from "./polling.js";

const MOST_LINES = 4000;
const root = document.querySelector("[data-output]");

if (root) start();

function start() {
  const term = root.querySelector("#term");
  const parts = root.querySelector("#parts");
  const earlier = root.querySelector(".earlier");
  const later = root.querySelector(".later");
  const followButton = root.querySelector("[data-follow]");
  const wrapButton = root.querySelector("[data-wrap]");
  let live = "live" in root.dataset;
  let following = !("at" in root.dataset);
  let busy = false;
  let asked = 0;

  const first = () => parts.firstElementChild;
  const newest = () => parts.lastElementChild;
  const number = (part, name) => Number(part.dataset[name]);
  const atEnd = () => number(newest(), "end") >= number(newest(), "size");

  function url(query) {
    return `${root.dataset.output}?${new URLSearchParams({ attempt: root.dataset.attempt, ...query })}`;
  }

  async function get(query) {
    const response = await fetch(url(query), { headers: { "HX-Request": "true" } });
    answered(response.status < 500);
    loggedOut(response.status === 401);
    if (response.status !== 200) return null;
    const holder = document.createElement("template");
    holder.innerHTML = await response.text();
    return holder.content.querySelector(".part");
  }

  function trim(side) {
    const count = () => [...parts.children].reduce((sum, part) => sum + number(part, "lines"), 0);
    while (parts.children.length > 1 && count() > MOST_LINES) {
      (side === "top" ? first() : newest()).remove();
    }
    earlier.hidden = number(first(), "start") === 0;
    later.hidden = atEnd() || (live && following);
  }

  function facts(part) {
    root.querySelector("[data-size]").textContent = part.dataset.sizeWords;
    root.querySelector(".output-empty").hidden = part.dataset.size !== "0";
  }

  function follow(on) {
    following = on;
    followButton.setAttribute("aria-pressed", String(on));
    if (on) term.scrollTop = term.scrollHeight;
  }

  function append(part) {
    const old = newest();
    if ("skipped" in part.dataset) parts.replaceChildren(part);
    else {
      if ("unfinished" in old.dataset) {
        old.lastElementChild?.remove(); // it is the first line of the new part
        old.dataset.lines = String(number(old, "lines") - 1);
        delete old.dataset.unfinished;
      }
      if (part.childElementCount || "unfinished" in part.dataset) parts.append(part);
      if (!old.childElementCount && old !== part) old.remove();
    }
    facts(part);
    trim("top");
    if (following) term.scrollTop = term.scrollHeight;
  }

  async function more() {
    const part = newest();
    const { next, end, line, pen } = part.dataset;
    const answer = await get({ from: next, have: end, line, pen, follow: following ? "1" : "0" });
    if (!answer) return false;
    live = "live" in answer.dataset;
    if (number(answer, "end") > number(part, "end")) {
      append(answer);
      return true;
    }
    facts(answer);
    return false;
  }

  async function alone(work) {
    if (busy) return;
    busy = true;
    try {
      await work();
    } catch {
      answered(false);
    } finally {
      busy = false;
    }
  }

  async function back() {
    if (earlier.hidden) return;
    const top = first();
    const answer = await get({ before: top.dataset.start });
    if (!answer) return;
    follow(false);
    const height = term.scrollHeight;
    parts.prepend(answer);
    term.scrollTop += term.scrollHeight - height;
    trim("bottom");
  }

  async function toEnd() {
    const answer = await get({});
    if (!answer) return;
    live = "live" in answer.dataset;
    parts.replaceChildren(answer);
    follow(true);
    trim("top");
    term.scrollTop = term.scrollHeight;
  }

  earlier.addEventListener("click", (event) => {
    event.preventDefault();
    alone(back);
  });
  later.addEventListener("click", (event) => {
    event.preventDefault();
    alone(toEnd);
  });
  followButton.addEventListener("click", () => {
    if (following) follow(false);
    else if (atEnd()) follow(true);
    else alone(toEnd);
  });
  wrapButton.addEventListener("click", () => {
    const on = term.classList.toggle("wrap");
    wrapButton.setAttribute("aria-pressed", String(on));
  });
  let before = term.scrollTop;
  term.addEventListener(
    "scroll",
    () => {
      const bottom = term.scrollHeight - term.scrollTop - term.clientHeight < 24;
      const up = term.scrollTop < before - 2;
      before = term.scrollTop;
      if (up && !bottom && following) follow(false);
      if (!following && bottom && atEnd() && live) follow(true);
      if (up && term.scrollTop < 200 && !earlier.hidden) alone(back);
      if (bottom && !following && !atEnd()) alone(more);
    },
    { passive: true },
  );

  // Whoever looks at the newest attempt wants to see the next one once it has begun.
  function anotherBegan() {
    const attempt = document.getElementById("live")?.dataset.attempt;
    return "newest" in root.dataset && attempt && attempt !== root.dataset.attempt && attempt;
  }

  setInterval(() => {
    const attempt = anotherBegan();
    if (attempt) {
      alone(() => {
        root.dataset.attempt = attempt;
        return toEnd();
      });
      return;
    }
    const due = document.hidden ? 30_000 : 1_000;
    if (!live || !following || Date.now() - asked < due - 50) return;
    asked = Date.now();
    alone(async () => {
      while ((await more()) && live && !atEnd()); // catch up at once
    });
  }, 1000);

  if (following) term.scrollTop = term.scrollHeight;
  else root.querySelector(".hit")?.scrollIntoView({ block: "center" });
}
