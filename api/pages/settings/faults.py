"""What is wrong with a field of a set-up form, in the reader's language.

pydantic's own sentences are English and speak of strings and integers; a connector's own, raised by its validators, are in the catalogue.
"""

from dataclasses import dataclass, field
from typing import Any

from pydantic_core import ErrorDetails

from web.i18n import language

SENTENCES = {
    "missing": "This is needed.",
    "string_type": "This is needed.",
    "string_too_short": "Write at least {min_length} characters.",
    "string_too_long": "Write at most {max_length} characters.",
    "string_pattern_mismatch": "This is not written as it should be.",
    "int_parsing": "Write a whole number.",
    "int_from_float": "Write a whole number.",
    "float_parsing": "Write a number.",
    "greater_than": "Write a number above {gt}.",
    "greater_than_equal": "Write {ge} or more.",
    "less_than": "Write a number below {lt}.",
    "less_than_equal": "Write {le} or less.",
    "enum": "Choose one of these.",
    "literal_error": "Choose one of these.",
    "bool_parsing": "Choose yes or no.",
    "extra_forbidden": "This is not a setting of this platform.",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A sentence of the catalogue and what stands in its braces."""

    sentence: str
    fields: dict[str, Any] = field(default_factory=dict[str, Any])

    def told(self, locale: str) -> str:
        """The sentence in one language."""
        text = language(locale).gettext(self.sentence)
        text = text.format(**self.fields) if self.fields else text
        return text[:1].upper() + text[1:]


def of(error: ErrorDetails) -> Fault:
    """What one error of pydantic means. Its context holds limits, never what was typed."""
    known = SENTENCES.get(error["type"])
    if known is None:
        return Fault(error["msg"].removeprefix("Value error, "))
    limits = error.get("ctx", {})
    return Fault(known, {name: _plain(limits[name]) for name in limits if "{" + name + "}" in known})


def _plain(limit: Any) -> Any:
    return f"{limit:g}" if isinstance(limit, float) else limit
