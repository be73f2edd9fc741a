"""Languages: gettext catalogues read from their .po files, and formats from Babel."""

SUPPORTED = ("en", "de")


def locale_of(accept_language: str) -> str:
    """The best supported language of an Accept-Language header."""
    for part in accept_language.split(","):
        language = part.split(";")[0].strip().lower()[:2]
        if language in SUPPORTED:
            return language
    return "en"
