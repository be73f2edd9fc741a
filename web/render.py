"""One rendering: the page includes a template and the socket pushes it, the same bytes.

Each language has an environment of its own, so that words and icons that hang on nothing else are settled when a template is read.
Templates find here: `_("…")`, `ngettext("%(num)s …", "%(num)s …", n)`, `language` (dates, durations, numbers), `icon("send")`,
`asset("js/inbox.js")`, and three ways to draw a part of the page: `drawn("name.html")`, an include that is faster for large parts,
`draw_row(row, now)` and `draw_entry(entry, …)`, which keep what they drew.
"""

import ast
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context
from lucide.jinja import lucide
from markupsafe import Markup

from web import filters
from web.i18n import language, told

FOLDER = Path(__file__).parent
KEPT = 4000  # rows, and as many entries: about 10 MB
LARGE = 10_000  # characters of one message: such letters are drawn anew, or their senders would say how much memory a process takes
PLAIN = re.compile(r"""\{\{ (_|icon|asset)\((("[^"{}\\]*"|'[^'{}\\]*')(?:, \d+)?)\) \}\}""")


@dataclass(frozen=True, slots=True)
class Here:
    """Where the reader is: what the frame around every signed-in page shows. `section` is inbox, metrics, settings or account.

    `member_figures`: whose figures may be shown, as the server's configuration says.
    """

    workspace_id: int
    workspace: str
    is_demo: bool
    timezone: str
    member_id: int
    member: str
    role: str
    section: str = ""
    member_figures: str = "own"


def page(name: str, locale: str, **context: Any) -> str:
    """A whole page in one language. Pages that extend `app.html` are given `here`."""
    return _environment(locale).get_template(name).render(locale=locale, **context)


def fragment(name: str, locale: str, **context: Any) -> str:
    """A part of a page, as the page includes it."""
    return _environment(locale).get_template(name).render(locale=locale, **context)


def row(locale: str, row: Any, now: datetime) -> Markup:
    """A conversation's row in a list: drawn once until something that it shows has changed, its times among them."""
    waited = None if row.waiting_since is None else told(now - row.waiting_since)
    closed = row.window.closed(now)
    left = told(row.answer_until - now) if row.answer_until and not closed else None
    over = row.next_due_at is not None and row.next_due_at <= now
    due = told(abs(row.next_due_at - now)) if row.next_due_at and row.waiting_since else None
    return _row(locale, row, told(now - row.last_message_at), waited, left, closed, due, over)


@lru_cache(maxsize=KEPT)
def _row(
    locale: str,
    row: Any,
    ago: timedelta,
    waited: timedelta | None,
    left: timedelta | None,
    closed: str | None,
    due: timedelta | None,
    over: bool,
) -> Markup:
    return _safe(fragment("inbox/row.html", locale, row=row, ago=ago, waited=waited, left=left, closed=closed, due=due, over=over))


def entry(locale: str, entry: Any, *, first_of_day: bool, timezone: str, workspace_id: int, names: Any, now: datetime) -> Markup:
    """One line of a timeline. What was said is drawn once until it changes, so its template knows no clock and no names of others."""
    if entry.kind == "activity":
        frame = {"first_of_day": first_of_day, "timezone": timezone, "workspace_id": workspace_id}
        return _safe(fragment("inbox/entry.html", locale, entry=entry, names=names, now=now, **frame))
    draw = _entry.__wrapped__ if _is_large(entry) else _entry
    return draw(locale, entry, first_of_day, timezone, workspace_id)


def _is_large(entry: Any) -> bool:
    said = entry.message
    if said is None:
        return entry.note is not None and len(entry.note.body) > LARGE
    return len(said.body) + len(said.html or "") + len(said.quoted) > LARGE


@lru_cache(maxsize=KEPT)
def _entry(locale: str, entry: Any, first_of_day: bool, timezone: str, workspace_id: int) -> Markup:
    frame = {"first_of_day": first_of_day, "timezone": timezone, "workspace_id": workspace_id}
    return _safe(fragment("inbox/entry.html", locale, entry=entry, **frame))


@cache
def words(locale: str) -> Markup:
    """Every word that scripts write themselves."""
    return _safe(fragment("inbox/words.html", locale))


@pass_context
def drawn(context: Context, name: str) -> Markup:
    """An include in one piece: the lines of a plain one are handed up through every template around it, one by one."""
    template = context.environment.get_template(name)
    return _safe("".join(template.root_render_func(template.new_context(context.get_all(), shared=True, locals=None))))


def _safe(html: str) -> Markup:
    return Markup(html)  # noqa: S704  # drawn by a template of our own and escaped there, or by the package of icons


@cache
def icon(name: str, size: int = 16) -> Markup:
    """An icon, decorative: the text beside it, or the button's label, says what it means."""
    return _safe(lucide(name, size=size, aria_hidden="true", stroke_width=1.75))


@cache
def asset(path: str) -> str:
    """The address of a static file, with its content's hash, so that a new version is never taken from the browser's cache."""
    digest = hashlib.sha256((FOLDER / "static" / path).read_bytes()).hexdigest()[:10]
    return f"/static/{path}?{digest}"


class Settling(Extension):
    """Words, icons and addresses of files that hang on nothing but the language are settled when a template is read."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        del name, filename
        return PLAIN.sub(self._settled, source)

    def _settled(self, found: re.Match[str]) -> str:
        given = ast.literal_eval(f"({found[2]},)")
        if found[1] == "_":
            spoken: Any = self.environment.globals["language"]
            return spoken.gettext(*given) % {}  # as `_` would at drawing: %% becomes %
        return str({"icon": icon, "asset": asset}[found[1]](*given))


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
        extensions=["jinja2.ext.i18n", Settling],
    )
    environment.install_gettext_callables(spoken.gettext, spoken.ngettext, newstyle=True)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # added by the extension
    names: dict[str, Any] = {"language": spoken, "icon": icon, "asset": asset, "drawn": drawn}
    names |= {"words": partial(words, locale), "draw_row": partial(row, locale), "draw_entry": partial(entry, locale)}
    environment.globals.update(names)
    environment.filters.update(filters.FILTERS)
    return environment
