// What the widget says, in its two languages.

const ENGLISH = {
  open: "Open chat",
  close: "Close chat",
  minimise: "Close",
  unread: (count) => (count === 1 ? "1 new message" : `${count} new messages`),
  greeting: "Hello! Write to us here.",
  messages: "Messages",
  write: "Write a message",
  send: "Send",
  attach: "Send a file",
  more: "More",
  you: "You",
  team: "Team",
  typing: "Writing an answer …",
  sending: "Sending …",
  waiting: "Waits for a connection",
  failed: "Not sent",
  again: "Try again",
  sent: "Sent",
  seen: "Seen",
  edited: "edited",
  connecting: "Connecting …",
  offline: "No connection. What you write is kept and sent later.",
  here: "We are here",
  away: "Nobody is here right now",
  soon: { minute: "Usually answers within a minute", minutes: (n) => `Usually answers within ${n} minutes`, hour: "Usually answers within an hour", hours: (n) => `Usually answers within ${n} hours`, days: (n) => `Usually answers within ${n} days` },
  address: "Your e-mail address",
  addressWhy: "Nobody is here right now. Leave an e-mail address, and the answer finds you when you have gone.",
  addressAsk: "Where should answers go while you are away?",
  addressKeep: "Save",
  addressKept: (email) => `While you are away, answers go to ${email}.`,
  addressBad: "This is not an e-mail address.",
  cancel: "Cancel",
  saveText: "Save chat as text",
  saveData: "Save chat as data (JSON)",
  answersByMail: "Answers by e-mail",
  privacy: "Privacy",
  remove: "Delete chat",
  removeAsk: "Delete this chat? What was said is erased, here and at our side. This cannot be undone.",
  removed: "The chat was deleted.",
  resumeGone: "This link is too old, or the chat was deleted. You can begin a new one.",
  tooMany: "That was a lot at once. Wait a moment, then it goes on.",
  tooLong: "This message is too long. Please shorten it.",
  fileType: "A file of this type cannot be sent here.",
  fileSize: "This file is too large.",
  fileFailed: "The file could not be sent.",
  failedAction: "That did not work. Please try again.",
  blocked: "The chat cannot be reached from this page.",
  today: "Today",
  yesterday: "Yesterday",
};

const GERMAN = {
  open: "Chat öffnen",
  close: "Chat schließen",
  minimise: "Schließen",
  unread: (count) => (count === 1 ? "1 neue Nachricht" : `${count} neue Nachrichten`),
  greeting: "Hallo! Schreiben Sie uns hier.",
  messages: "Nachrichten",
  write: "Nachricht schreiben",
  send: "Senden",
  attach: "Datei senden",
  more: "Mehr",
  you: "Sie",
  team: "Team",
  typing: "Schreibt eine Antwort …",
  sending: "Wird gesendet …",
  waiting: "Wartet auf Verbindung",
  failed: "Nicht gesendet",
  again: "Noch einmal",
  sent: "Gesendet",
  seen: "Gesehen",
  edited: "bearbeitet",
  connecting: "Verbindet …",
  offline: "Keine Verbindung. Was Sie schreiben, bleibt erhalten und wird später gesendet.",
  here: "Wir sind da",
  away: "Gerade ist niemand da",
  soon: { minute: "Antwortet meist innerhalb einer Minute", minutes: (n) => `Antwortet meist innerhalb von ${n} Minuten`, hour: "Antwortet meist innerhalb einer Stunde", hours: (n) => `Antwortet meist innerhalb von ${n} Stunden`, days: (n) => `Antwortet meist innerhalb von ${n} Tagen` },
  address: "Ihre E-Mail-Adresse",
  addressWhy: "Gerade ist niemand da. Mit einer E-Mail-Adresse erreicht Sie die Antwort auch, wenn Sie gegangen sind.",
  addressAsk: "Wohin sollen Antworten gehen, während Sie weg sind?",
  addressKeep: "Speichern",
  addressKept: (email) => `Während Sie weg sind, gehen Antworten an ${email}.`,
  addressBad: "Das ist keine E-Mail-Adresse.",
  cancel: "Abbrechen",
  saveText: "Chat als Text sichern",
  saveData: "Chat als Daten sichern (JSON)",
  answersByMail: "Antworten per E-Mail",
  privacy: "Datenschutz",
  remove: "Chat löschen",
  removeAsk: "Diesen Chat löschen? Das Gesagte wird gelöscht, hier und auf unserer Seite. Das lässt sich nicht rückgängig machen.",
  removed: "Der Chat wurde gelöscht.",
  resumeGone: "Dieser Link ist zu alt, oder der Chat wurde gelöscht. Sie können einen neuen beginnen.",
  tooMany: "Das war viel auf einmal. Gleich geht es weiter.",
  tooLong: "Diese Nachricht ist zu lang. Bitte kürzen Sie sie.",
  fileType: "Eine Datei dieser Art kann hier nicht gesendet werden.",
  fileSize: "Diese Datei ist zu groß.",
  fileFailed: "Die Datei konnte nicht gesendet werden.",
  failedAction: "Das hat nicht geklappt. Bitte versuchen Sie es noch einmal.",
  blocked: "Der Chat ist von dieser Seite aus nicht erreichbar.",
  today: "Heute",
  yesterday: "Gestern",
};

/** The first that we speak: the settings' language, the page's, those of the browser, the workspace's. */
export function localeOf(wanted, workspace) {
  const asked = [wanted, document.documentElement.lang, ...navigator.languages, workspace];
  return asked.map((tag) => (tag ?? "").toLowerCase().split("-")[0]).find((language) => ["en", "de"].includes(language)) ?? "en";
}

export function wordsOf(locale) {
  return locale === "de" ? GERMAN : ENGLISH;
}

/** "Usually answers within …", rounded up so that it promises nothing. */
export function soon(words, seconds) {
  const minutes = Math.ceil(seconds / 60);
  if (minutes <= 1) return words.soon.minute;
  if (minutes <= 45) return words.soon.minutes(minutes <= 5 ? minutes : Math.ceil(minutes / 5) * 5);
  const hours = Math.ceil(minutes / 60);
  if (hours === 1) return words.soon.hour;
  return hours <= 36 ? words.soon.hours(hours) : words.soon.days(Math.ceil(hours / 24));
}
