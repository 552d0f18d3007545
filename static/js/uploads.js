// Files: chosen or dropped, sent before their form is, and told about while they are on their way.

const MIB = 1024 * 1024;
const figures = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 });

const UNITS = ["B", "KiB", "MiB", "GiB"];

function size(bytes) {
  const step = Math.min(3, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${figures.format(bytes / 1024 ** step)} ${UNITS[step]}`;
}

function words(form, key, values = {}) {
  const text = JSON.parse(form.dataset.words)[key];
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

const input = (form) => form.querySelector("input[type=file]");

function say(form, text, wrong = false) {
  const said = form.querySelector("[data-said]");
  said.textContent = text;
  said.toggleAttribute("data-wrong", wrong);
}

function problem(form, files) {
  const { fileMb, totalMb, files: most } = form.dataset;
  const large = files.find((file) => file.size > fileMb * MIB);
  const total = files.reduce((sum, file) => sum + file.size, 0);
  if (large) return words(form, "large", { name: large.name, limit: fileMb });
  if (files.length > most) return words(form, "many", { count: files.length, limit: most });
  if (total > totalMb * MIB) return words(form, "total", { limit: totalMb });
  return "";
}

function chosen(form) {
  const files = [...input(form).files];
  const wrong = problem(form, files);
  say(form, wrong || files.map((file) => `${file.name} (${size(file.size)})`).join(", "), Boolean(wrong));
  return !wrong;
}

function send(form, files) {
  const body = new FormData();
  const session = form.dataset.session ?? form.elements.session_id?.value.trim();
  if (session) body.append("session_id", session);
  for (const file of files) body.append("files", file);
  const request = new XMLHttpRequest();
  request.open("POST", "/api/files/upload");
  request.responseType = "json";
  request.setRequestHeader("X-CSRFToken", form.elements.csrf_token.value);
  request.upload.addEventListener("progress", (event) => {
    const all = event.loaded >= event.total;
    const values = { done: size(event.loaded), all: size(event.total) };
    say(form, words(form, all ? "storing" : "sending", values));
  });
  return new Promise((resolve, reject) => {
    request.addEventListener("load", () => {
      if (request.status === 200) resolve(request.response.files);
      else reject(request.response?.detail ?? words(form, "refused"));
    });
    request.addEventListener("error", () => reject(words(form, "lost")));
    request.send(body);
  });
}

function attach(form, files) {
  const before = form.querySelector(".attach");
  for (const file of files) {
    const label = document.createElement("label");
    const box = document.createElement("input");
    const name = document.createElement("bdi");
    const note = document.createElement("span");
    Object.assign(box, { type: "checkbox", name: "upload_file_ids", value: file.file_id });
    box.defaultChecked = true;
    Object.assign(name, { textContent: file.original_filename });
    Object.assign(note, { textContent: size(file.file_size), className: "quiet" });
    label.className = "attached-file";
    label.append(box, " ", name, " ", note);
    before.before(label);
  }
}

document.addEventListener(
  "submit",
  async (event) => {
    const form = event.target;
    if (!form.matches("[data-upload]")) return;
    const files = [...input(form).files];
    if (!files.length) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // it is sent once its files are there
    if ("sending" in form.dataset || !chosen(form)) return;
    form.dataset.sending = "";
    const { submitter } = event;
    submitter?.setAttribute("aria-disabled", "true");
    try {
      const stored = await send(form, files);
      input(form).value = "";
      say(form, "");
      if (form.dataset.upload !== "attach") {
        location.reload();
        return;
      }
      attach(form, stored);
      if (submitter?.isConnected) form.requestSubmit(submitter);
      else say(form, words(form, "again"));
    } catch (reason) {
      say(form, String(reason), true);
    } finally {
      submitter?.removeAttribute("aria-disabled");
      delete form.dataset.sending;
    }
  },
  true,
);
document.addEventListener("change", (event) => {
  const form = event.target.closest?.("[data-upload]");
  if (form && event.target.type === "file") chosen(form);
});

const target = (event) =>
  event.dataTransfer?.types.includes("Files") && event.target.closest?.("[data-upload]");

document.addEventListener("dragover", (event) => {
  const form = target(event);
  document.querySelectorAll(".dropping").forEach((other) => {
    if (other !== form) other.classList.remove("dropping");
  });
  if (!form) return;
  event.preventDefault();
  form.classList.add("dropping");
});
document.addEventListener("drop", (event) => {
  const form = target(event);
  document.querySelectorAll(".dropping").forEach((other) => other.classList.remove("dropping"));
  if (!form) return;
  event.preventDefault();
  input(form).files = event.dataTransfer.files;
  chosen(form);
});
