"""Who lives in the demonstration: named people of the script, and as many others as wanted, always the same for the same number."""

from inbox.contract import Author

NAMED = {
    "lena": "Lena Brandt", "murat": "Murat Yıldız", "elif": "Elif Kaya", "samira": "سميرة حداد", "sepp": "Sepp Huber", "tjark": "Tjark Petersen",
    "gudrun": "Gudrun Albers", "holger": "Holger Voss", "troll": "xX_Wahrheit_Xx", "crypto": "Elon Giveaway 🚀", "wiebke": "Wiebke Lorenzen",
    "drmeier": "Dr. Klaus-Dieter Meier-Hinrichsen", "abwesend": "Praxis Dr. Sommer", "carlos": "Carlos Ortega", "vera": "Vera Weitblick",
    "oke": "Oke Thomsen", "nora": "Nora Schulz", "pia": "Pia Wagner", "familie": "Familie Rademacher", "thea": "Thea Lindqvist",
}  # fmt: skip
FIRST = (
    "Anna", "Ben", "Clara", "Deniz", "Emil", "Finja", "Greta", "Hannes", "Ida", "Jannik", "Kaya", "Lasse", "Merle", "Nils", "Ole", "Paula",
    "Quirin", "Rieke", "Svea", "Timo", "Ute", "Viktor", "Wanda", "Yusuf", "Zoe", "Aino", "Bjarne", "Cem", "Dörte", "Enno",
)  # fmt: skip
LAST = (
    "Andresen", "Behrens", "Claasen", "Demir", "Ehlers", "Friedrichs", "Gerdes", "Hansen", "Iversen", "Jürgens", "Klüver", "Lorenz", "Möller",
    "Nissen", "Oltmanns", "Paulsen", "Quast", "Reimers", "Sörensen", "Tiedemann", "Ullrich", "Vogt", "Wulff", "Öztürk", "Zander",
)  # fmt: skip


def person(key: str) -> Author:
    """The author with this id: "lena", or "p17" for one of the many."""
    if key in NAMED:
        name = NAMED[key]
    elif key.startswith("p") and key[1:].isdigit():
        number = int(key[1:])
        name = f"{FIRST[number % len(FIRST)]} {LAST[number // len(FIRST) % len(LAST)]}"
    else:
        name = "Gast"
    handle = "".join(letter for letter in name.casefold() if letter.isascii() and letter.isalnum()) or key
    return Author(id=key, name=name, handle=handle, email=f"{handle}@example.org")
