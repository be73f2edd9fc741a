// Style sheets made by script and adopted by the shadow root: a website's content policy needs no style-src for them.

/** A constructed sheet. */
export function sheet(text) {
  const made = new CSSStyleSheet();
  made.replaceSync(text);
  return made;
}

export const LAUNCHER = `
:host {
  all: initial !important; position: fixed !important; inset: auto !important; z-index: 2147483000 !important;
  display: block !important; inline-size: 0 !important; block-size: 0 !important;
}
*, ::before, ::after { box-sizing: border-box; }
[hidden] { display: none !important; }
.frame {
  color-scheme: light dark;
  --surface: light-dark(#ffffff, #1b1d22); --ground: light-dark(#f6f7f9, #141519); --bubble: light-dark(#eef0f3, #2a2d34);
  --ink: light-dark(#1a1d23, #eceef2); --muted: light-dark(#5b626e, #a3a9b5); --line: light-dark(#e1e4e9, #33373f);
  --edge: light-dark(#868d99, #7b828f); --bad: light-dark(#b3261e, #ffb4ab); --focus: light-dark(#1a1d23, #ffffff);
  --shadow: 0 1px 3px rgb(0 0 0 / .16), 0 12px 40px rgb(0 0 0 / .2);
  font: 400 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif, "Noto Color Emoji";
  color: var(--ink); text-align: start; -webkit-text-size-adjust: 100%;
}
.frame[data-theme="light"] { color-scheme: light; }
.frame[data-theme="dark"] { color-scheme: dark; }
.launcher {
  position: fixed; inset-block-end: 20px; inset-inline-end: 20px; inline-size: 56px; block-size: 56px; padding: 0; border: 0;
  display: grid; place-items: center; border-radius: 50%; background: var(--brand); color: var(--on-brand); cursor: pointer;
  box-shadow: var(--shadow); transition: transform .16s ease, box-shadow .16s ease;
}
.launcher:hover { transform: translateY(-2px); }
.launcher:active { transform: scale(.96); }
.launcher[aria-expanded="true"] svg:first-of-type, .launcher[aria-expanded="false"] svg:last-of-type { display: none; }
.launcher[aria-busy] { cursor: progress; }
.launcher:focus-visible { outline: 3px solid var(--focus); outline-offset: 3px; }
[data-side="start"] .launcher { inset-inline: 20px auto; }
[data-fill] .launcher { display: none; }
.badge {
  position: absolute; inset-block-start: -3px; inset-inline-end: -3px; min-inline-size: 22px; block-size: 22px; padding-inline: 6px;
  border: 2px solid var(--surface); border-radius: 11px; background: #c62828; color: #fff; font-size: 12px; font-weight: 700; line-height: 18px;
}
.unseen { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (prefers-reduced-motion: reduce) { *, ::before, ::after { transition: none !important; animation: none !important; } }
@media (forced-colors: active) { .launcher { border: 2px solid ButtonText; } }
@media print { .frame { display: none; } }
`;

export const PANEL = `
.panel {
  position: fixed; inset-block: auto 92px; inset-inline: auto 20px; inline-size: 392px; block-size: min(640px, 100dvh - 112px);
  max-inline-size: none; max-block-size: none; margin: 0; padding: 0; border: 1px solid var(--line); border-radius: 18px; overflow: hidden;
  background: var(--surface); color: var(--ink); box-shadow: var(--shadow);
}
.panel[open] { display: flex; flex-direction: column; animation: rise .18s ease-out; }
.panel::backdrop { background: transparent; }
.panel:focus { outline: none; }
[data-side="start"] .panel { inset-inline: 20px auto; }
[data-fill] .panel { inset: 0; inline-size: min(720px, 100%); block-size: 100dvh; margin-inline: auto; border-block: 0; border-radius: 0; box-shadow: none; animation: none; }
@keyframes rise { from { opacity: 0; transform: translateY(10px); } }
button { font: inherit; color: inherit; cursor: pointer; }
.head { display: flex; align-items: center; gap: 12px; min-block-size: 68px; padding-block: 12px; padding-inline: 18px 10px; background: var(--brand); color: var(--on-brand); }
.head-text { flex: 1; min-inline-size: 0; }
.title { display: -webkit-box; margin: 0; overflow: hidden; font-size: 17px; font-weight: 650; line-height: 1.25; overflow-wrap: anywhere; -webkit-box-orient: vertical; -webkit-line-clamp: 2; }
.state { margin: 1px 0 0; font-size: 13px; line-height: 1.35; }
.state.trouble { font-weight: 600; }
.plain { display: grid; place-items: center; inline-size: 40px; block-size: 40px; padding: 0; border: 0; border-radius: 10px; background: transparent; }
.head .plain:hover, .head .plain[aria-expanded="true"] { background: color-mix(in srgb, var(--on-brand) 16%, transparent); }
.panel :focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
.head :focus-visible { outline-color: var(--on-brand); outline-offset: -2px; }
.body { position: relative; flex: 1; min-block-size: 0; display: flex; flex-direction: column; }
.log { flex: 1; min-block-size: 0; padding: 18px 16px 10px; overflow-y: auto; overscroll-behavior: contain; scrollbar-width: thin; scrollbar-color: var(--line) transparent; }
.lines { min-block-size: 100%; display: flex; flex-direction: column; justify-content: flex-end; }
.day { align-self: center; margin: 14px 0 8px; font-size: 12px; color: var(--muted); }
.line { max-inline-size: 84%; margin-block-start: 10px; align-self: flex-start; display: flex; flex-direction: column; align-items: flex-start; }
.line.mine { align-self: flex-end; align-items: flex-end; }
.line.joined { margin-block-start: 3px; }
.line.joined .who { display: none; }
.who { margin: 0 12px 3px; font-size: 12px; font-weight: 600; color: var(--muted); }
.text {
  padding: 9px 13px; border-radius: 16px; border-end-start-radius: 5px; background: var(--bubble); white-space: pre-wrap; overflow-wrap: anywhere;
}
.mine .text { background: var(--brand); color: var(--on-brand); border-end-start-radius: 16px; border-end-end-radius: 5px; }
.text span { display: block; }
.text a { color: inherit; text-underline-offset: 2px; }
.mine.pending .text { outline: 1px dashed var(--muted); outline-offset: 2px; }
.about { margin: 3px 12px 0; font-size: 12px; color: var(--muted); }
.about.bad { color: var(--bad); }
.about button { padding: 0 2px; border: 0; background: none; color: inherit; font-weight: 600; text-decoration: underline; }
.picture { display: block; max-inline-size: min(240px, 100%); max-block-size: 240px; border-radius: 12px; background: var(--bubble); }
.mine .picture { margin-inline-start: auto; }
.file {
  display: inline-flex; align-items: center; gap: 8px; max-inline-size: 100%; padding: 9px 13px; border: 1px solid var(--line); border-radius: 12px;
  color: var(--ink); text-decoration: none; overflow-wrap: anywhere;
}
.file:hover { border-color: var(--edge); }
.file small { color: var(--muted); white-space: nowrap; }
.typing { align-self: flex-start; display: flex; gap: 4px; margin-block-start: 10px; padding: 13px 14px; border-radius: 16px; border-end-start-radius: 5px; background: var(--bubble); }
.typing i { inline-size: 7px; block-size: 7px; border-radius: 50%; background: var(--muted); animation: breathe 1.2s infinite ease-in-out; }
.typing i:nth-child(2) { animation-delay: .16s; }
.typing i:nth-child(3) { animation-delay: .32s; }
@keyframes breathe { 0%, 60%, 100% { opacity: .35; } 30% { opacity: 1; } }
.hidden-words { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.card { margin: 10px 16px 4px; padding: 12px 14px; border: 1px solid var(--line); border-radius: 14px; background: var(--ground); font-size: 14px; }
.card p { margin: 0; }
.card form { display: flex; gap: 8px; margin-block-start: 10px; }
.card input { flex: 1; min-inline-size: 0; block-size: 40px; padding: 0 12px; border: 1px solid var(--edge); border-radius: 10px; background: var(--surface); color: var(--ink); font: inherit; font-size: 16px; }
.card input::placeholder { color: var(--muted); opacity: 1; }
.card .actions { display: flex; flex-wrap: wrap; gap: 8px; justify-content: flex-end; margin-block-start: 12px; }
.card .problem { margin-block-start: 8px; color: var(--bad); }
.firm, .soft { block-size: 40px; padding: 0 16px; border: 1px solid transparent; border-radius: 10px; font-weight: 600; white-space: nowrap; }
.firm { background: var(--brand); color: var(--on-brand); }
.firm.danger { background: light-dark(#b3261e, #ffb4ab); color: light-dark(#ffffff, #3b0906); }
.soft { border-color: var(--edge); background: transparent; }
.notice { margin: 0; padding: 8px 18px; border-block-start: 1px solid var(--line); font-size: 13px; color: var(--ink); background: var(--ground); }
.composer { display: flex; align-items: flex-end; gap: 4px; padding: 8px 10px 10px; padding-block-end: max(10px, env(safe-area-inset-bottom)); border-block-start: 1px solid var(--line); }
.composer textarea {
  flex: 1; min-inline-size: 0; block-size: 40px; max-block-size: 144px; margin: 0; padding: 8px 14px; border: 1px solid var(--line); border-radius: 20px;
  resize: none; background: var(--ground); color: var(--ink); font: inherit; font-size: 16px; line-height: 22px; scrollbar-width: thin;
}
.panel .composer textarea:focus-visible { outline: 2px solid var(--edge); outline-offset: -1px; }
.composer textarea::placeholder { color: var(--muted); opacity: 1; }
.composer .plain { color: var(--muted); }
.composer .plain:hover { color: var(--ink); background: var(--bubble); }
.composer .go { border-radius: 50%; background: var(--brand); color: var(--on-brand); transition: opacity .12s; }
.composer .go:hover { background: var(--brand); color: var(--on-brand); }
.composer .go[aria-disabled="true"] { background: var(--bubble); color: var(--muted); cursor: default; }
.menu { position: absolute; z-index: 2; inset-block-start: 6px; inset-inline-end: 10px; min-inline-size: 230px; padding: 6px; border: 1px solid var(--line); border-radius: 14px; background: var(--surface); box-shadow: var(--shadow); }
.menu > * { display: flex; align-items: center; inline-size: 100%; min-block-size: 40px; padding: 6px 12px; border: 0; border-radius: 9px; background: none; color: var(--ink); font: inherit; text-align: start; text-decoration: none; }
.menu > :hover { background: var(--bubble); }
.menu .danger { color: var(--bad); }
@media (max-width: 480px), (max-height: 440px) {
  .panel, [data-side="start"] .panel { inset: 0; inline-size: 100%; block-size: 100dvh; border: 0; border-radius: 0; }
  .plain { inline-size: 44px; block-size: 44px; }
  .composer textarea { block-size: 44px; padding-block: 10px; border-radius: 22px; }
}
@media (forced-colors: active) { .text, .typing, .head { border: 1px solid CanvasText; } }
`;
