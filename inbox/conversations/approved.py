"""Texts that a platform has approved: it takes them outside of its window too. `{{1}}`, `{{2}}` … are their variables."""

import re
from collections.abc import Sequence
from typing import Any

from inbox.contract import PlatformTemplate
from inbox.errors import Invalid

VARIABLE = re.compile(r"\{\{\s*(\d+)\s*\}\}")


def variables(text: str) -> list[int]:
    """The numbers of a text's variables, in order."""
    return sorted({int(number) for number in VARIABLE.findall(text)})


def fill(template: PlatformTemplate, values: Sequence[str]) -> str:
    """How the template reads with these values, one for each variable."""
    given = [value.strip() for value in values]
    wanted = variables(template.text)
    if len(given) != len(wanted) or not all(given):
        raise Invalid("Fill in every blank of the approved text.", code="placeholders")
    by_number = dict(zip(wanted, given, strict=True))
    return VARIABLE.sub(lambda found: by_number[int(found[1])], template.text)


def stored(template: PlatformTemplate | None, values: Sequence[str]) -> dict[str, Any] | None:
    """The template as the message's row keeps it."""
    if template is None:
        return None
    return {"name": template.name, "language": template.language, "text": template.text, "values": [value.strip() for value in values]}


def restored(row: dict[str, Any] | None) -> tuple[PlatformTemplate | None, tuple[str, ...]]:
    """The template and the values that a message's row keeps."""
    if row is None:
        return None, ()
    return PlatformTemplate(row["name"], row["language"], row["text"]), tuple(row["values"])
