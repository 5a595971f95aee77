// Sending a file: dragged or chosen, with its progress. Without this script the form sends it all the same.

const form = document.querySelector("form[data-upload]");

if (form) {
  const $ = (name) => form.querySelector(`[data-${name}]`);
  const input = form.querySelector("input[type=file]");
  const area = $("drop-area"),
    bar = $("upload-progress"),
    send = $("upload-send");
  let running = null;

  const showProblem = (text) => {
    $("upload-problem-text").textContent = text;
    $("upload-problem").hidden = !text;
  };
  const showName = () => {
    if (input.files.length) $("file-name").textContent = `\u2068${input.files[0].name}\u2069`;
  };
  const setBusy = (isBusy) => {
    bar.hidden = !isBusy;
    send.disabled = isBusy;
  };

  input.addEventListener("change", () => {
    showName();
    showProblem("");
  });
  for (const name of ["dragenter", "dragover"]) {
    area.addEventListener(name, (event) => {
      event.preventDefault();
      area.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) area.addEventListener(name, () => area.classList.remove("over"));
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    showName();
    showProblem("");
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const request = new XMLHttpRequest();
    running = request;
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      const percent = total ? Math.floor((100 * loaded) / total) : 0;
      bar.querySelector("progress").value = percent;
      $("upload-percent").textContent = `${percent}%`;
    });
    request.addEventListener("load", () => {
      if (request.response?.location) window.location.assign(request.response.location);
      else {
        setBusy(false);
        showProblem(request.response?.problem || send.dataset.lost);
      }
    });
    request.addEventListener("error", () => {
      setBusy(false);
      showProblem(send.dataset.lost);
    });
    request.addEventListener("abort", () => setBusy(false));
    showProblem("");
    setBusy(true);
    request.send(new FormData(form));
  });
  $("upload-stop").addEventListener("click", () => running?.abort());
}
