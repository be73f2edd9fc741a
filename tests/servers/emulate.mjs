// One of emulate's services on this machine only: node emulate.mjs MODULES SETTINGS (JSON: service, port, base, seed, hook).
// emulate has no way to say where Slack's events go, so the subscription is made with what the service hands over when it registers itself.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, given] = process.argv.slice(2);
const { service, port, base, seed, hook } = JSON.parse(given);
const folder = join(modules, "emulate", "dist");
let events;
const load = (name) => import(pathToFileURL(join(folder, name)).href);

if (hook) {
  for (const name of await readdir(folder)) {
    if (/^dist-.*\.js$/.test(name) && (await readFile(join(folder, name), "utf8")).includes("slackPlugin = {")) {
      const { slackPlugin } = await load(name);
      const register = slackPlugin.register;
      slackPlugin.register = (app, store, webhooks, ...rest) => {
        events = webhooks;
        return register.call(slackPlugin, app, store, webhooks, ...rest);
      };
    }
  }
}
const { createEmulator } = await load("api.js");
const emulator = await createEmulator({ service, port, hostname: "127.0.0.1", seed, baseUrl: base });
events?.register({ url: hook, events: ["*"], active: true, owner: "slack" });
console.log(emulator.url);
