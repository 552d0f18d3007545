// What pages do beyond htmx: each module attaches itself and keeps to one thing.
import "./js/clock.js";
import "./js/polling.js";
import "./js/dialogs.js";
import "./js/keys.js";
import "./js/composer.js";
import "./js/uploads.js";
import "./js/frame.js";
import "./js/output.js";
import "./js/copy.js";
import "./js/conversation.js";
import "./js/selection.js";
import "./js/filter.js";
import "./js/schedule.js";

// Left to itself htmx begins by a timer, and what is pressed before that would leave the page.
globalThis.htmx?.initialize();
