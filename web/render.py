"""One rendering: the page includes a template and the socket pushes it, the same bytes.

Each language has an environment of its own, so that `_()` is settled when a template is drawn. Templates find here:
`_("…")`, `ngettext("%(num)s …", "%(num)s …", n)`, `language` (dates, durations, numbers), `icon("send")`, `asset("js/inbox.js")`.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from lucide.jinja import lucide
from markupsafe import Markup

from web import filters
from web.i18n import language

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Here:
    """Where the reader is: what the frame around every signed-in page shows. `section` is inbox, metrics, settings or account."""

    workspace_id: int
    workspace: str
    is_demo: bool
    timezone: str
    member_id: int
    member: str
    role: str
    section: str = ""


def page(name: str, locale: str, **context: Any) -> str:
    """A whole page in one language. Pages that extend `app.html` are given `here`."""
    return _environment(locale).get_template(name).render(locale=locale, **context)


def fragment(name: str, locale: str, **context: Any) -> str:
    """A part of a page, as the page includes it."""
    return _environment(locale).get_template(name).render(locale=locale, **context)


@cache
def icon(name: str, size: int = 16) -> Markup:
    """An icon, decorative: the text beside it, or the button's label, says what it means."""
    return Markup(lucide(name, size=size, aria_hidden="true", stroke_width=1.75))  # noqa: S704  # the package's own drawing


@cache
def asset(path: str) -> str:
    """The address of a static file, with its content's hash, so that a new version is never taken from the browser's cache."""
    digest = hashlib.sha256((FOLDER / "static" / path).read_bytes()).hexdigest()[:10]
    return f"/static/{path}?{digest}"


@cache
def _environment(locale: str) -> Environment:
    spoken = language(locale)
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(spoken.gettext, spoken.ngettext, newstyle=True)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # added by the extension
    names: dict[str, Any] = {"language": spoken, "icon": icon, "asset": asset}
    environment.globals.update(names)
    environment.filters.update(filters.FILTERS)
    return environment
