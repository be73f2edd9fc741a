"""One rendering: the page includes a template and the socket pushes it, the same bytes."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(name: str, locale: str, **context: Any) -> str:
    """A whole page in one language."""
    return environment.get_template(name).render(locale=locale, **context)


def fragment(name: str, locale: str, **context: Any) -> str:
    """A part of a page, as the page includes it."""
    return environment.get_template(name).render(locale=locale, **context)
