"""What the demonstration workspace says of itself: its people, teams, templates, labels, hours and promises."""

from dataclasses import dataclass
from typing import Any

from inbox.models import Role

BRAND = "Möwenbräu & Söhne"


@dataclass(frozen=True, slots=True)
class Person:
    key: str
    name: str
    public: str
    role: Role


TEAM = (
    Person("aylin", "Aylin Demir", "Aylin", Role.AGENT),
    Person("jonas", "Jonas Petersen", "Jonas", Role.AGENT),
    Person("mira", "Mira Brandt", "Mira", Role.AGENT),
    Person("fatma", "Fatma Aydın", "Fatma", Role.SUPERVISOR),
)
TEAMS = {"Community": ("aylin", "jonas", "mira"), "Abholfächer": ("jonas", "fatma")}
MATTERS = {"Abholfächer": ("abholf", "fach leer", "locker")}  # what a question says that is for this team
OTHERWISE = "Community"
LABELS = {"Abholfach": "blue", "Pfand": "green", "Lob": "yellow", "Allergene": "red", "Presse": "purple"}
TEMPLATES = (
    ("vegan", "de", "Vegan", "Moin {{contact.first_name}}! Ja, alle unsere Limonaden sind komplett vegan. Liebe Grüße, {{member.name}}"),
    ("gluten", "de", "Glutenfrei", "Moin {{contact.first_name}}! Ja, alle Sorten sind glutenfrei. Liebe Grüße, {{member.name}}"),
    ("gluten-tr", "tr", "Glutensiz", "Merhaba {{contact.first_name}}! Evet, tüm limonatalarımız glutensiz. Sevgiler, {{member.name}}"),
    ("pfand", "de", "Pfand", "Moin {{contact.first_name}}, für unsere Mehrwegflaschen gilt: 15 Cent, überall. Zeig gern deinen Bon vor. {{member.name}}"),
    ("fach", "de", "Fach klemmt", "Moin {{contact.first_name}}, das tut uns leid! Schick uns bitte privat deinen Code, dann öffnen wir das Fach. {{member.name}}"),
    ("fehler7", "de", "FEHLER 7", "Moin! FEHLER 7 ist eine Störung bei uns, kein Geld geht verloren. Wir melden uns, sobald die Fächer wieder öffnen. {{member.name}}"),
    ("error7", "en", "ERROR 7", "Hello! ERROR 7 is a fault on our side and no money is lost. We will tell you as soon as the lockers open again. {{member.name}}"),
    ("orte", "de", "Abholfächer", "Alle 42 Abholfächer stehen auf unserer Karte: moewenbraeu.example/faecher. Liebe Grüße, {{member.name}}"),
    ("versand", "en", "Shipping", "Hello {{contact.first_name}}! We ship within Germany and Denmark for now. Sweden is on our list. {{member.name}}"),
    ("hamburg-ar", "ar", "هامبورغ", "مرحبًا {{contact.first_name}}! تجد مشروباتنا في خزائن الاستلام في هامبورغ ألتونا. تحياتنا، {{member.name}}"),
    ("rechnung", "de", "Rechnung", "Moin {{contact.first_name}}, die Rechnung geht heute noch raus. Liebe Grüße, {{member.name}}"),
    ("geruecht", "de", "Haltestatement", "Wir haben den Hinweis gesehen und prüfen ihn gerade mit unserer Abfüllung. Sobald wir mehr wissen, steht es hier. {{member.name}}"),
)  # fmt: skip
CALENDAR = "Ladenzeiten"
HOURS: dict[str, Any] = {
    "tz": "Europe/Berlin",
    "hours": {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")} | {"sat": [["10:00", "16:00"]]},
    "holidays": ["DE-HH"],
}
# Name, conditions, targets in seconds, whether the hours above count: the wall clock otherwise.
POLICIES: tuple[tuple[str, dict[str, Any], dict[str, dict[str, Any]], bool], ...] = (
    (
        "Private Nachrichten",
        {"kind": ["direct"]},
        {"first": {"normal": 900, "urgent": 300}, "next": {"normal": 900}, "resolution": {"normal": 2 * 86_400, "urgent": 14_400}},
        False,
    ),
    (
        "Öffentlich",
        {},
        {"first": {"normal": 7200, "urgent": 1800}, "next": {"normal": 14_400}, "resolution": {"normal": 3 * 86_400, "clock": "wall"}},
        True,
    ),
)
