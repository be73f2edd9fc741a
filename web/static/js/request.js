// Asking the server: changes as forms, panes as fragments. A refusal becomes a sentence for the person.
import { toast } from "./toast.js";
import { words } from "./words.js";

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? words.failed);
    Object.assign(this, { status, code: problem.code });
  }
}

export async function change(method, path, values = {}, { quiet = false, keepalive = false } = {}) {
  const form = values instanceof FormData ? values : new URLSearchParams();
  if (!(values instanceof FormData)) {
    for (const [name, value] of Object.entries(values)) for (const one of [value].flat()) if (one != null) form.append(name, one);
  }
  try {
    const response = await fetch(path, { method, body: ["GET", "DELETE"].includes(method) ? undefined : form, keepalive, headers: { accept: "application/json" } });
    if (!response.ok) throw new Refused(response.status, await response.json().catch(() => ({})));
    return response.status === 204 ? null : await response.json();
  } catch (error) {
    if (!quiet) toast(error instanceof Refused ? error.message : words.failed, { bad: true, seconds: 8 });
    throw error;
  }
}

export async function fragment(address, part) {
  const response = await fetch(address, { headers: { "x-fragment": part, accept: "text/html" } });
  if (!response.ok) throw new Refused(response.status, {});
  const html = new DOMParser().parseFromString(await response.text(), "text/html");
  return { html, eventId: Number(response.headers.get("x-event-id")) };
}
