// Sending a file as soon as it is dragged here or chosen, with its progress: it is tried, and nothing is stored.
// Without this script the button sends it.

import { $ } from "./scripts/elements.js";

/** @type {HTMLFormElement | null} */
const uploadForm = $("form[data-upload]");

/** @param {HTMLFormElement} form */
function partsOf(form) {
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ ($(`[data-${name}]`, form));
  return {
    input: /** @type {HTMLInputElement} */ ($("input[type=file]", form)),
    area: part("drop-area"),
    fileName: part("file-name"),
    progress: part("upload-progress"),
    bar: /** @type {HTMLProgressElement} */ ($("[data-upload-progress] progress", form)),
    percent: part("upload-percent"),
    problem: part("upload-problem"),
    problemText: part("upload-problem-text"),
    send: /** @type {HTMLButtonElement} */ (part("upload-send")),
    stop: part("upload-stop"),
  };
}

/** @typedef {ReturnType<typeof partsOf>} UploadParts */

/**
 * @param {UploadParts} parts
 * @param {string} text
 */
function showProblem({ problem, problemText }, text) {
  problemText.textContent = text;
  problem.hidden = !text;
}

/** @param {UploadParts} parts */
function showChosen(parts) {
  const [file] = parts.input.files ?? [];
  if (file) parts.fileName.textContent = `\u2068${file.name}\u2069`;
  showProblem(parts, "");
}

/**
 * @param {UploadParts} parts
 * @param {boolean} isBusy
 */
function setBusy({ progress, send }, isBusy) {
  progress.hidden = !isBusy;
  send.disabled = isBusy;
}

/** @param {UploadParts} parts */
function watchFile(parts) {
  const { area, input } = parts;
  input.addEventListener("change", () => showChosen(parts));
  for (const name of ["dragenter", "dragover"]) {
    area.addEventListener(name, (event) => {
      event.preventDefault();
      area.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) area.addEventListener(name, () => area.classList.remove("over"));
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!event.dataTransfer?.files.length) return;
    input.files = event.dataTransfer.files;
    showChosen(parts);
  });
}

/**
 * @param {HTMLFormElement} form
 * @param {UploadParts} parts
 */
function sendFile(form, parts) {
  const request = new XMLHttpRequest();
  const fail = (/** @type {string} */ text) => {
    setBusy(parts, false);
    showProblem(parts, text);
  };
  const lost = parts.send.dataset.lost ?? "";
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  request.responseType = "json";
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    const percent = total ? Math.floor((100 * loaded) / total) : 0;
    parts.bar.value = percent;
    parts.percent.textContent = `${percent}%`;
  });
  request.addEventListener("load", () => {
    if (request.response?.location) window.location.assign(request.response.location);
    else fail(request.response?.problem || lost);
  });
  request.addEventListener("error", () => fail(lost));
  request.addEventListener("abort", () => setBusy(parts, false));
  showProblem(parts, "");
  setBusy(parts, true);
  request.send(new FormData(form));
  return request;
}

/** @param {HTMLFormElement} form */
function watchUpload(form) {
  const parts = partsOf(form);
  /** @type {XMLHttpRequest | null} */
  let running = null;
  watchFile(parts);
  for (const [target, name] of /** @type {const} */ ([
    [parts.input, "change"],
    [parts.area, "drop"],
  ])) {
    target.addEventListener(name, () => {
      if (parts.input.files?.length) form.requestSubmit(parts.send);
    });
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    running?.abort();
    running = sendFile(form, parts);
  });
  parts.stop.addEventListener("click", () => running?.abort());
}

if (uploadForm) watchUpload(uploadForm);
