"""How the demonstration's customers take an answer: a good one earns thanks; rudeness or the wrong language does not."""

from connectors.demo.town import Post

RUDE = ("pech", "selber schuld", "nicht unser problem", "whatever", "calm down", "stell dich nicht", "dumm", "idiot", "egal")
THANKS = {
    "de": (
        "Danke, ihr seid super!!",
        "Ah, perfekt. Dankeschön! 🧡",
        "Das ging ja schnell, danke!",
        "Alles klar, vielen Dank.",
        "Lieb von euch, danke 🙏",
    ),
    "en": ("Thank you, that was quick!", "Perfect, thanks a lot 🙏", "Great, thank you!"),
    "tr": ("Çok teşekkürler!", "Teşekkür ederim 🧡"),
    "ar": ("شكرًا جزيلاً لكم 🌿", "شكرًا!"),
    "es": ("¡Muchas gracias!", "Genial, gracias 🙏"),
}
HURT = {
    "de": ("Was ist das denn für ein Ton? So geht man nicht mit Kunden um.", "Wow. Das merke ich mir."),
    "en": ("Seriously? That is no way to talk to customers.", "Wow, okay. Noted."),
}
LOST = {
    "tr": "Almanca bilmiyorum, Türkçe yazabilir misiniz?",
    "ar": "عذرًا، لا أفهم الألمانية. هل يمكنكم الرد بالعربية؟",
    "es": "Perdón, no hablo alemán. ¿Podéis contestar en español?",
    "en": "Sorry, I do not speak German. Could you answer in English?",
}
MORE = "Und was heißt das jetzt konkret?"


def reaction(reply: Post, *, already: int) -> str | None:
    """What the customer writes back, if anything: once for each thread, so that a conversation comes to an end."""
    language = language_of_thread(reply.thread)
    text = reply.text.casefold()
    if already > 0:
        return None
    if any(word in text for word in RUDE):
        return _pick(HURT.get(language, HURT["en"]), reply.thread)
    if language in LOST and not speaks(text, language):
        return LOST[language]
    if len(text) < 12:
        return MORE if language == "de" else None
    return _pick(THANKS.get(language, THANKS["en"]), reply.thread)


def language_of_thread(thread: str) -> str:
    """Threads of the demonstration carry their customer's language: "instagram-vegan.de"."""
    return thread.rpartition(".")[2] if "." in thread else "de"


def speaks(text: str, language: str) -> bool:
    """Whether an answer looks like this language: enough for a demonstration, not for the assistant."""
    if language == "ar":
        return any("\u0600" <= letter <= "\u06ff" for letter in text)
    words = {
        "tr": ("ı", "ş", "ğ", "merhaba", "evet", "hayır", "teşekkür", "için", "glutensiz", "bir"),
        "es": ("¡", "¿", "hola", "gracias", "puede", "está", "nuestro", " los ", " para "),
        "en": ("the ", "you", "hello", "thank", "please", " is ", "sorry"),
    }
    return any(word in text for word in words[language])


def _pick(choices: tuple[str, ...], key: str) -> str:
    return choices[sum(map(ord, key)) % len(choices)]
