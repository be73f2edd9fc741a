"""What comments hang on, asked for many at once: their posts, the first comment of each thread, the roles of those who have an account."""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from connectors import markup
from connectors.wordpress.shapes import Comment, Entry, User
from connectors.wordpress.site import Site
from inbox.contract import AuthError, Permanent, Post

MOST_KNOWN = 2000
AT_ONCE = 100
DEEPEST = 20  # answers to answers; WordPress shows ten levels at most
EDITABLE = {"context": "edit", "status": "any"}
SHOWN = "id,date_gmt,link,title,excerpt,author"
Kept = TypeVar("Kept")
Found = TypeVar("Found", Comment, Entry, User)


class Surroundings:
    """Remembers what it has found; what cannot be had is left out, since it is only context."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._posts: OrderedDict[str, Entry | None] = OrderedDict()
        self._parents: OrderedDict[str, str | None] = OrderedDict()
        self._roles: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._tells_roles = True  # until the site says that we may not see them

    async def find(self, comments: Sequence[Comment]) -> None:
        """Ask for whatever these comments need."""
        for comment in comments:
            _keep(self._parents, comment.id, comment.parent_id)
        await self._find_posts(comments)
        await self._find_roots(comment.parent_id for comment in comments)
        await self._find_roles(comment.author for comment in comments)

    def root(self, comment: Comment) -> str:
        """The first comment of its thread; the highest known where one above is gone."""
        found, parent = comment.id, comment.parent_id
        for _ in range(DEEPEST):
            if parent is None:
                break
            found, parent = parent, self._parents.get(parent)
        return found

    def post(self, comment: Comment) -> Post | None:
        entry = self._posts.get(comment.post)
        if entry is None:
            return Post(comment.post) if comment.post != "0" else None
        return Post(
            entry.id, title=markup.words(entry.title), text=markup.words(entry.excerpt), url=entry.link, published_at=entry.date_gmt
        )

    def roles(self, comment: Comment) -> tuple[str, ...]:
        """The site's words, and "post_author" for who wrote what the comment hangs on."""
        if comment.author == "0":
            return ()
        entry = self._posts.get(comment.post)
        wrote = ("post_author",) if entry is not None and entry.author == comment.author else ()
        return (*self._roles.get(comment.author, ()), *wrote)

    async def _find_posts(self, comments: Sequence[Comment]) -> None:
        wanted: defaultdict[str, set[str]] = defaultdict(set)
        for comment in comments:
            kind, number = comment.place
            if comment.post != "0" and comment.post not in self._posts:
                wanted[kind].add(number)
        for kind, numbers in wanted.items():
            found = {entry.id: entry for entry in await self._some(kind, sorted(numbers), Entry, {"_fields": SHOWN, "status": "any"})}
            for number in numbers:
                _keep(self._posts, number, found.get(number))

    async def _find_roots(self, parents: Iterable[str | None]) -> None:
        wanted = {parent for parent in parents if parent is not None and parent not in self._parents}
        for _ in range(DEEPEST):
            if not wanted:
                return
            found = {comment.id: comment for comment in await self._some("comments", sorted(wanted), Comment, EDITABLE)}
            for number in wanted:
                above = found.get(number)
                _keep(self._parents, number, above.parent_id if above else None)
            above = {comment.parent_id for comment in found.values()}
            wanted = {number for number in above if number is not None and number not in self._parents}

    async def _find_roles(self, authors: Iterable[str]) -> None:
        wanted = {author for author in authors if author != "0" and author not in self._roles}
        if not wanted or not self._tells_roles:
            return
        try:
            found = {user.id: user.roles for user in await self._some("users", sorted(wanted), User, {"context": "edit"})}
        except AuthError:  # an editor may moderate, but not list users
            self._tells_roles = False
            return
        for number in wanted:
            _keep(self._roles, number, found.get(number, ()))

    async def _some(self, kind: str, numbers: list[str], shape: type[Found], params: dict[str, Any]) -> list[Found]:
        """Those of a kind that can be read."""
        found: list[Found] = []
        for start in range(0, len(numbers), AT_ONCE):
            some = ",".join(numbers[start : start + AT_ONCE])
            try:
                entries, _ = await self._site.list(kind, {**params, "include": some, "per_page": AT_ONCE})
            except Permanent:  # a kind that the API does not know
                continue
            for entry in entries:
                try:
                    found.append(shape.model_validate(entry))
                except ValidationError:
                    continue
        return found


def _keep(known: OrderedDict[str, Kept], name: str, value: Kept) -> None:
    known[name] = value
    if len(known) > MOST_KNOWN:
        known.popitem(last=False)
