"""Sixty days that were: what a new demonstration starts with."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from connectors.demo import script
from connectors.demo.people import person
from inbox.contract import Author, ConversationKind, Envelope, Event, EventKind, Post

DAYS = 60
LUBECK = ZoneInfo("Europe/Berlin")  # where people write by day
QUIET = timedelta(hours=6)  # before the demonstration begins
ANSWERS = {
    "de": ("Moin! Klar, das geht. Schreib uns gern mit deiner Bestellnummer, dann kümmern wir uns.", "Danke dir für die Frage! Ja, das stimmt so. Liebe Grüße aus Lübeck."),
    "en": ("Hello and thanks for asking! Yes, that is possible. Warm regards from Lübeck.",),
    "tr": ("Merhaba! Evet, elbette. Lübeck'ten selamlar.",),
    "ar": ("مرحبًا! نعم، بالتأكيد. تحياتنا من لوبيك.",),
    "es": ("¡Hola! Sí, claro. Saludos desde Lübeck.",),
}  # fmt: skip
PUBLISHED = {"faecher": (DAYS + 1, 9), "sommer": (38, 18), "pfand": (17, 12), "sorte": (2, 17)}  # days ago, and the hour
AGAIN = {
    "de": ("Danke! Und geht das auch am Samstag?", "Super, und was kostet das dann?", "Okay … und wo finde ich das auf der Seite?"),
    "en": ("Thanks! Does that work on Saturdays too?",),
    "tr": ("Teşekkürler! Cumartesi günü de olur mu?",),
    "ar": ("شكرًا! وهل يمكن ذلك يوم السبت أيضًا؟",),
    "es": ("¡Gracias! ¿También los sábados?",),
}  # fmt: skip


def events(place: script.Place, *, until: datetime, team: tuple[Author, ...], days: int = DAYS) -> Iterator[Event]:
    """The last `days` of one channel, oldest first: questions, and how the team answered them, now prompt, now less so."""
    dice = random.Random(f"history {place.slug}")  # noqa: S311
    told: list[Event] = []
    midnight = until.astimezone(LUBECK).replace(hour=0, minute=0, second=0, microsecond=0)
    posts = [
        replace(script.POSTS[key], published_at=(midnight - timedelta(days=ago) + timedelta(hours=hour)).astimezone(UTC))
        for key, (ago, hour) in PUBLISHED.items()
    ]
    for day in range(days, 0, -1):
        for number in range(dice.randint(1, 5)):
            asked = midnight - timedelta(days=day) + timedelta(seconds=dice.randint(8 * 3600, 20 * 3600))
            asked = asked.astimezone(UTC)
            told.extend(_exchange(place, f"h{day}-{number}", asked, until, team, posts, dice))
    yield from sorted(told, key=lambda event: event.at)


def _exchange(
    place: script.Place,
    name: str,
    asked: datetime,
    until: datetime,
    team: tuple[Author, ...],
    posts: Sequence[Post],
    dice: random.Random,
) -> Iterator[Event]:
    language, text = dice.choice(script.AMBIENT[place.kind])
    customer = person(f"p{dice.randrange(700)}")
    thread = f"{place.slug}-{name}.{language}"
    post = dice.choice([post for post in posts if post.published_at is not None and post.published_at <= asked])
    yield _said(place, f"{thread}-q", thread, customer, text, asked, post=post if place.kind == ConversationKind.COMMENTS else None)
    answered = asked + _pause(dice)
    if dice.random() <= 0.06 or answered >= until - QUIET:
        return
    member = dice.choice(team)
    yield _said(place, f"{thread}-a", thread, member, dice.choice(ANSWERS[language]), answered, parent=f"{thread}-q")
    again = answered + timedelta(seconds=dice.randint(60, 5 * 3600))
    if dice.random() > 1 / 3 or again >= until - QUIET:
        return
    yield _said(place, f"{thread}-q2", thread, customer, dice.choice(AGAIN[language]), again, parent=f"{thread}-a")
    answered = again + _pause(dice)
    if dice.random() > 0.06 and answered < until - QUIET:
        yield _said(place, f"{thread}-a2", thread, member, dice.choice(ANSWERS[language]), answered, parent=f"{thread}-q2")


def _pause(dice: random.Random) -> timedelta:
    """Until the team answers: 9 minutes in the median, with a long tail."""
    return timedelta(seconds=min(dice.lognormvariate(6.3, 1.1), 30 * 3600))


def _said(
    place: script.Place,
    message: str,
    thread: str,
    author: Author,
    text: str,
    at: datetime,
    *,
    parent: str | None = None,
    post: Post | None = None,
) -> Event:
    return Event(
        id=message,
        kind=EventKind.MESSAGE,
        message_id=message,
        thread_id=thread,
        at=at,
        author=author,
        text=text,
        parent_id=parent,
        post=post,
        conversation_kind=place.kind,
        private=place.kind != ConversationKind.COMMENTS,
        envelope=Envelope(subject="Anfrage", sender=author.email or "") if place.kind == ConversationKind.EMAIL else None,
    )
