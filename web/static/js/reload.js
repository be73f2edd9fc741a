// A page that answers a form with what is shown only once: reloading it must not send the form again.
const shown = document.querySelector("[data-reload]");
if (shown) history.replaceState({}, "", shown.dataset.reload);
