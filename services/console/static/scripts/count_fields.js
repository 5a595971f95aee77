// Fields of a confirmation: the number to type, and how long so many rows take.

import { $, $$ } from "./elements.js";

// The number to type: the button opens when the number is the one that is shown.
export function checkTypedNumbers() {
  for (const field of $$("input[data-must-equal]")) {
    const button = $("button[data-needs-number]", field.form);
    const check = () => {
      const typed = field.value.replace(/[^0-9]/g, "");
      const isSame = typed === field.dataset.mustEqual;
      field.toggleAttribute("data-same", isSame);
      field.toggleAttribute("data-other", typed !== "" && !isSame);
      if (button) button.disabled = !isSame;
    };
    field.addEventListener("input", check);
    check();
  }
}

// How long so many rows take at the rate that is typed. The server says it for the rate that it was sent.
export function forecastPace() {
  for (const field of $$("input[data-pace-count]")) {
    const text = $("[data-pace-text]", field.parentNode);
    field.addEventListener("input", () => {
      const rate = Number(field.value.replace(/[^0-9]/g, ""));
      const seconds = rate ? Math.max(1, Math.round(Number(field.dataset.paceCount) / rate)) : 0;
      const said = field.dataset;
      if (!rate) text.textContent = said.paceNone;
      else if (seconds < 100) text.textContent = said.paceSeconds.replace("{n}", seconds);
      else if (seconds < 6000) text.textContent = said.paceMinutes.replace("{n}", Math.round(seconds / 60));
      else text.textContent = said.paceHours.replace("{n}", Math.round(seconds / 3600));
    });
  }
}
