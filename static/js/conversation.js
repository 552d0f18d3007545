// A conversation: opened at its end, and followed there for as long as the reader stays there.

const NEAR = 48;
const page = document.scrollingElement;
const live = document.querySelector("#live.session-conversation");

const atEnd = () => page.scrollHeight - page.scrollTop - page.clientHeight < NEAR;
const toEnd = () => page.scrollTo({ top: page.scrollHeight, behavior: "instant" });

if (live) {
  if (!location.hash) toEnd();
  let following = false;
  document.addEventListener("htmx:before:swap", () => {
    following = atEnd();
  });
  document.addEventListener("htmx:after:swap", () => {
    if (following) toEnd();
  });
}
