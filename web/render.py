"""One rendering: the page includes a template and the socket pushes it, the same bytes.

Each language has an environment of its own, so that `_()` is settled when a template is drawn. Templates find here:
`_("…")`, `ngettext("%(num)s …", "%(num)s …", n)`, `language` (dates, durations, numbers), `icon("send")`, `asset("js/inbox.js")`.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from lucide.jinja import lucide
from markupsafe import Markup

from web import filters
from web.i18n import language

FOLDER = Path(__file__).parent
KEPT = timedelta(seconds=20)


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


def row(locale: str, row: Any, now: datetime) -> Markup:
    """A conversation's row in a list. A row that has not changed is drawn once in `KEPT`; its ticking times are the page's own."""
    return _row(locale, row, int(now.timestamp() // KEPT.total_seconds()))


@lru_cache(maxsize=20_000)
def _row(locale: str, row: Any, moment: int) -> Markup:
    now = datetime.fromtimestamp((moment + 1) * KEPT.total_seconds(), UTC)  # no time that is shown lies before what it counts from
    drawn = fragment("inbox/row.html", locale, row=row, now=now)
    return Markup(drawn)  # noqa: S704  # a template of our own, escaped there


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
        auto_reload=False,  # otherwise every include asks the disk
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(spoken.gettext, spoken.ngettext, newstyle=True)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # added by the extension
    names: dict[str, Any] = {"language": spoken, "icon": icon, "asset": asset, "draw_row": partial(row, locale)}
    environment.globals.update(names)
    environment.filters.update(filters.FILTERS)
    return environment
