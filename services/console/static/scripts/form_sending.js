// When a form is sent: after a question, or as soon as it changes.

// A form that asks: the question is in `data-confirm`. Without scripts the server asks.
export function askBeforeSending() {
  document.addEventListener("submit", (event) => {
    const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });
}

// A select or a box with `data-submits` sends its form when it changes.
export function sendOnChange() {
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
  });
}
