"""What is said in the demonstration, and when: three scripted minutes, then a seeded stream that never ends."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from connectors.demo.people import person
from connectors.demo.picture import lemonade
from inbox.contract import Attachment, Author, ConversationKind, Envelope, Event, EventKind, PlatformTemplate, Post

COMMENTS, DIRECT, EMAIL, REVIEW = ConversationKind.COMMENTS, ConversationKind.DIRECT, ConversationKind.EMAIL, ConversationKind.REVIEW
US = Author(id="moewenbraeu", name="Möwenbräu & Söhne", handle="moewenbraeu", is_self=True, email="hallo@moewenbraeu.example")
TIMES_OUT = "-geruecht"  # the first answer into this thread gets no word back from the platform
SCRIPT_SECONDS = 190.0
AMBIENT_SECONDS = 75.0  # between two comments on one channel, on average, once the script is over


@dataclass(frozen=True, slots=True)
class Place:
    """One of the brand's channels."""

    slug: str
    looks_like: str
    title: str
    kind: ConversationKind


PLACES = {
    place.slug: place
    for place in (
        Place("instagram", "instagram", "Instagram", COMMENTS),
        Place("facebook", "facebook", "Facebook", COMMENTS),
        Place("youtube", "youtube", "YouTube", COMMENTS),
        Place("mastodon", "mastodon", "Mastodon", COMMENTS),
        Place("whatsapp", "whatsapp", "WhatsApp", DIRECT),
        Place("chat", "widget", "Website-Chat", DIRECT),
        Place("mail", "email", "hallo@moewenbraeu.example", EMAIL),
        Place("bewertungen", "google", "Google-Bewertungen", REVIEW),
    )
}
POSTS = {
    "sorte": Post("sorte", "Neue Sorte: Sanddorn-Minze 🌿", "Ab heute in allen Abholfächern und im Handel. Wer hat schon probiert?"),
    "pfand": Post("pfand", "Pfand: so geht's", "Jede Flasche ist 15 Cent wert. Zurück an jedem Abholfach oder im Getränkemarkt."),
    "faecher": Post("faecher", "Unsere Abholfächer", "Rund um die Uhr, an 42 Orten in Schleswig-Holstein."),
    "sommer": Post("sommer", "Hafenfest Lübeck", "Wir schenken am Wochenende am Museumshafen aus. Kommt vorbei!"),
}

APPROVED = (
    PlatformTemplate(
        "rueckmeldung", "de", "Moin {{1}}, wir haben Neues zu Ihrer Frage. Antworten Sie kurz, dann schreiben wir Ihnen hier."
    ),
    PlatformTemplate("order_update", "en", "Hello {{1}}, your order {{2}} is on its way."),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that somebody does at a second of the script."""

    at: float
    place: str
    thread: str  # ends in the language: "vegan.de"
    who: str
    text: str = ""
    post: str | None = None
    parent: str | None = None  # the id of another step's message
    id: str = ""
    kind: EventKind = EventKind.MESSAGE
    mentions: tuple[str, ...] = ()
    private: bool = False
    subject: str = ""
    automatic: bool = False
    photo: bool = False
    unless_answered: bool = False
    order: int = field(default=0, compare=False)


SCRIPT: tuple[Step, ...] = (
    # 0:00 Morning
    Step(3, "instagram", "vegan.de", "nora", "Ist das vegan?", post="sorte"),  # first in the queue: the first answer is an easy one
    Step(4, "instagram", "herz.de", "wiebke", "🧡🧡", post="sorte"),
    Step(5, "instagram", "lecker.de", "lena", "lecker!!", post="sorte"),
    Step(7, "facebook", "freund.de", "oke", "@thea.lindqvist", post="sorte", mentions=("thea",)),
    Step(9, "instagram", "gluten.tr", "elif", "Merhaba! Bu limonata glutensiz mi?", post="sorte"),
    Step(13, "whatsapp", "foto.ar", "samira", "مرحبًا! وجدت هذا في الثلاجة عند صديقتي. أين يمكنني شراؤه في هامبورغ؟", photo=True),
    Step(18, "mastodon", "bayern.de", "sepp", "Sanddorn! Bei uns dahoam dadn ma sagn: a Limo, de nach Meer schmeckt. Respekt, Ihr Fischköpf 😄", post="sorte"),
    Step(23, "youtube", "untertitel.en", "thea", "Love the harbour video! Do you ship to Sweden?", post="sommer"),
    # 0:30 Conflict
    Step(30, "facebook", "pfand.de", "tjark", "15 Cent Pfand?? Im Markt sagten die 8 Cent!", post="pfand", id="pfand-1"),
    Step(34, "facebook", "pfand.de", "gudrun", "Quatsch, Mehrweg ist immer 15 bei denen. Erst lesen, dann schimpfen.", post="pfand", parent="pfand-1", id="pfand-2"),
    Step(39, "facebook", "pfand.de", "tjark", "Ach ja? Und warum steht dann 8 auf meinem Bon?", post="pfand", parent="pfand-2", id="pfand-3"),
    Step(45, "facebook", "pfand.de", "tjark", "@Möwenbräu, was stimmt denn nun?", post="pfand", parent="pfand-1", mentions=("moewenbraeu",), id="pfand-4"),
    Step(48, "instagram", "giveaway.en", "crypto", "🚀 Double your BTC today!! bit.example/moon 🚀", post="sorte"),
    Step(50, "youtube", "troll.de", "troll", "Ihr seid doch alle gekaufte Vollpfosten. Drecksplörre.", post="sommer"),
    Step(52, "instagram", "lob.de", "wiebke", "Beste Limo der Küste, wie immer top!", post="faecher", id="lob-1"),
    Step(
        62, "instagram", "lob.de", "wiebke",
        "Beste Limo der Küste, aber das Fach in Travemünde hat heute mein Geld genommen und nichts rausgegeben!",
        kind=EventKind.EDIT, id="lob-1", post="faecher",
    ),
    # 1:00 Tact
    Step(
        64, "facebook", "bestellung.de", "drmeier",
        "Sehr geehrte Damen und Herren, meine Bestellung 2026-48713 ist nicht eingetroffen. Bitte rufen Sie mich unter 0451 555 0199 an.",
        post="faecher",
    ),
    Step(68, "mail", "rechnung.de", "familie", "Moin, wir bräuchten die Rechnung vom Hafenfest bitte bis morgen. Liebe Grüße", subject="Rechnung Hafenfest"),
    Step(72, "mail", "abwesend.de", "abwesend", "Ich bin bis zum 4. nicht im Haus.", subject="Automatische Antwort", automatic=True),
    Step(76, "chat", "oeffnung.de", "pia", "Hallo, ist das Abholfach am ZOB heute auch nachts offen?"),
    Step(80, "whatsapp", "allergie.de", "vera", "Kurze Frage: ist in der Sanddorn-Minze Sulfit drin? Meine Tochter reagiert darauf.", id="allergie-1"),
    Step(88, "whatsapp", "allergie.de", "moewenbraeu", "Moin Vera, nein, kein Sulfit. Liebe Grüße, Jonas (gerade unterwegs)", parent="allergie-1"),
    Step(84, "bewertungen", "zwei.de", "holger", "★★☆☆☆ Schmeckt gut, aber das Fach klemmt jedes zweite Mal. Schade."),
    # 2:15 Crisis
    Step(135, "facebook", "geruecht.de", "vera", "Achtung: in einer Flasche soll GLAS gewesen sein?! Stimmt das, @Möwenbräu? Bitte teilen!", post="sorte", mentions=("moewenbraeu",)),
    Step(139, "facebook", "geruecht.de", "p301", "Was?! Meine Kinder trinken das gerade!", post="sorte"),
    Step(142, "mastodon", "glas.de", "p302", "Stimmt das mit dem Glas? Gibt es einen Rückruf?", post="sorte"),
    Step(146, "chat", "glas.en", "carlos", "Hi, I read about glass in a bottle. Are the bottles at the lockers safe?"),
    # 2:40 Thanks, or what comes when nobody answers
    Step(165, "chat", "oeffnung.de", "pia", "Hallo? Ist da jemand? Ich stehe vor dem Fach …", unless_answered=True),
    Step(170, "instagram", "vegan.de", "nora", "Keine Antwort ist auch eine Antwort 🙄", post="sorte", unless_answered=True),
    Step(175, "mail", "rechnung.de", "familie", "Nur eine kurze Nachfrage: Wir brauchen die Rechnung wirklich dringend.", subject="Re: Rechnung Hafenfest", unless_answered=True),
    Step(180, "instagram", "danke.de", "lena", "Danke, ihr seid super!!", post="sommer"),
)  # fmt: skip
FLOOD = (
    ("de", "Mein Fach geht nicht auf!!"), ("de", "Abholfach zeigt nur FEHLER 7"), ("de", "Hab bezahlt, Tür bleibt zu. Was nun?"),
    ("de", "Geht bei euch das Fach auch nicht?"), ("de", "FEHLER 7 am Fach, Geld weg?"), ("en", "Locker says ERROR 7, my money is gone?"),
    ("tr", "Dolap açılmıyor, param gitti mi?"), ("es", "La taquilla no abre, ERROR 7"), ("ar", "الخزانة لا تفتح، خطأ 7"),
)  # fmt: skip
AMBIENT: dict[ConversationKind, tuple[tuple[str, str], ...]] = {
    COMMENTS: (
        ("de", "Gibt's die auch in der 0,33er Flasche?"), ("de", "Wann kommt das Abholfach nach Eutin?"), ("de", "Mega lecker 🧡"),
        ("de", "Ist da Zucker zugesetzt?"), ("de", "Wo kann ich die leeren Flaschen abgeben?"), ("en", "Is this available in Berlin?"),
        ("de", "Bitte wieder Rhabarber machen!!"), ("tr", "Çok güzel görünüyor, nerede bulabilirim?"), ("de", "👏👏👏"), ("es", "¿Tiene cafeína?"),
        ("de", "Wie lange hält sich eine offene Flasche?"), ("de", "Sucht ihr noch Leute fürs Hafenfest?"),
    ),
    DIRECT: (
        ("de", "Moin, mein Code für das Abholfach funktioniert nicht."), ("de", "Könnt ihr meine Lieferadresse ändern?"),
        ("en", "Hi, my locker code has expired. Can you send a new one?"), ("de", "Habt ihr am Feiertag auf?"), ("de", "Ich hätte gern 40 Kisten für eine Hochzeit."),
        ("ar", "مرحبًا، هل المشروب مناسب للأطفال؟"),
    ),
    EMAIL: (
        ("de", "Guten Tag, auf meiner Rechnung fehlt die Umsatzsteuer-ID. Können Sie das bitte korrigieren?"),
        ("de", "Moin, wir sind eine Schulklasse und würden gern die Abfüllung besuchen. Geht das?"),
        ("en", "Hello, we run a café in Malmö and would like to stock your lemonade. Whom may I speak to?"),
        ("de", "Hallo, in meiner Kiste waren nur 11 Flaschen. Was kann ich tun?"),
    ),
    REVIEW: (
        ("de", "★★★★★ Super Service am Abholfach!"), ("de", "★★★☆☆ Lecker, aber teuer geworden."), ("de", "★☆☆☆☆ Fach leer, Geld weg, niemand erreichbar."),
        ("en", "★★★★☆ Great lemonade, odd opening hours."),
    ),
}  # fmt: skip


class Steps:
    """The endless list of what happens on one channel: asked by number, always the same."""

    def __init__(self, place: str) -> None:
        self._place = PLACES[place]
        self._known = list(scripted(place))
        self._ambient = self._stream()

    def at(self, number: int) -> Step:
        while len(self._known) <= number:
            self._known.append(next(self._ambient))
        return self._known[number]

    def _stream(self) -> Iterator[Step]:
        dice = random.Random(f"ambient {self._place.slug}")  # noqa: S311  # a story, not a secret
        at, number = SCRIPT_SECONDS + dice.random() * 20, 0
        while True:
            language, text = dice.choice(AMBIENT[self._place.kind])
            post = dice.choice(list(POSTS)) if self._place.kind == COMMENTS else None
            yield Step(at, self._place.slug, f"a{number}.{language}", f"p{dice.randrange(700)}", text, post=post, subject="Anfrage")
            at += dice.expovariate(1 / AMBIENT_SECONDS)
            number += 1


@cache
def scripted(place: str) -> tuple[Step, ...]:
    """The scripted steps of one channel, in the order of their seconds."""
    steps = [step for step in (*SCRIPT, *_flood()) if step.place == place]
    return tuple(sorted(steps, key=lambda step: step.at))


def _flood() -> Iterator[Step]:
    """1:30: the lockers' firmware fails, 140 people say so within 20 s, on every channel."""
    dice = random.Random("flood")  # noqa: S311
    places = ("instagram", "facebook", "mastodon", "chat", "mail", "whatsapp", "instagram", "facebook")
    for number in range(140):
        language, text = dice.choice(FLOOD)
        place = dice.choice(places)
        post = "faecher" if PLACES[place].kind == COMMENTS else None
        yield Step(90 + dice.random() * 20, place, f"flut{number}.{language}", f"p{400 + number}", text, post=post, subject="Abholfach")


def author_of(place: str, thread: str) -> Author | None:
    """Who began a thread, when the script or the stream did."""
    steps = Steps(place)
    name = thread.removeprefix(f"{place}-")
    limit = len(scripted(place)) + (int(name[1:].split(".")[0]) + 1 if name[:1] == "a" and name[1:].split(".")[0].isdigit() else 0)
    return next((person(step.who) for step in map(steps.at, range(limit)) if step.thread == name), None)


def event_of(step: Step, place: Place, *, now: datetime) -> Event:
    """The step as its platform would tell it."""
    message = f"{place.slug}-{step.id}" if step.id else f"{place.slug}-{step.thread}-{step.who}-{step.at:.2f}"
    kind = DIRECT if step.private else place.kind
    return Event(
        id=f"{message}-edit" if step.kind == EventKind.EDIT else message,
        kind=step.kind,
        message_id=message,
        thread_id=f"{place.slug}-{step.thread}",
        at=now,
        author=US if step.who == "moewenbraeu" else person(step.who),
        text=step.text,
        parent_id=f"{place.slug}-{step.parent}" if step.parent else None,
        post=POSTS[step.post] if step.post and kind == COMMENTS else None,
        conversation_kind=kind,
        private=kind != COMMENTS,
        mentions=step.mentions,
        attachments=(Attachment("limo.png", "image/png", content=lemonade()),) if step.photo else (),
        envelope=Envelope(subject=step.subject, sender=person(step.who).email or "", automatic=step.automatic) if kind == EMAIL else None,
    )
