// The page's own words, in its language.
export const words = JSON.parse(document.getElementById("words").textContent);
export const root = document.documentElement;
export const language = root.lang === "en" ? "en-GB" : root.lang; // times as the server writes them
export const workspace = `/w/${root.dataset.workspace}`;

export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
export const pane = () => document.getElementById("conversation");
export const openId = () => pane()?.dataset.conversation ?? null;
export const conversationPath = (id = openId()) => `${workspace}/conversations/${id}`;
export const canAct = root.dataset.role !== "viewer";
