/* Parley's website chat. Stores nothing before the first click. */
(() => {
  const settings = {{ settings|safe }};
  const script = document.currentScript;
  const base = new URL(".", script ? script.src : settings.base).href;
  const launch = () => import(`${base}modules/${settings.version}/launch.js`).then((module) => module.start(settings, base, script ? { ...script.dataset } : {}));
  if (document.body) launch();
  else document.addEventListener("DOMContentLoaded", launch, { once: true });
})();
