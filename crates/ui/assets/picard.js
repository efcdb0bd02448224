// Improves pages that already work without it. Nothing here is needed.
"use strict";

// Buttons that copy: in the page they are hidden, since without a script they could do nothing.
const spoken = document.createElement("p");
spoken.className = "visually-hidden";
spoken.setAttribute("role", "status");
document.body.append(spoken);
let silence;
for (const button of document.querySelectorAll("button[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  if (!source || !navigator.clipboard) continue;
  button.hidden = false;
  // The first word is shown; what follows it names the button to those who hear the page.
  const word = button.firstChild;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      word.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source);
      word.textContent = "Selected";
    }
    spoken.textContent = word.textContent;
    setTimeout(() => { word.textContent = "Copy"; }, 2000);
    // What is said of this button is not cut short by the one before.
    clearTimeout(silence);
    silence = setTimeout(() => { spoken.textContent = ""; }, 2000);
  });
}

// Instants in the reader's own zone; the page has them in UTC.
const words = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
for (const time of document.querySelectorAll("time[datetime]")) {
  const instant = new Date(time.dateTime);
  if (Number.isNaN(instant.getTime())) continue;
  time.title = time.textContent;
  time.textContent = words.format(instant);
}

// A form that is sent twice by a double click would do the thing twice.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => { delete form.dataset.sent; }, 3000);
  });
}
