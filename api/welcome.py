"""Who opens a live page: the same session and membership as the page's own, and the language it was drawn in."""

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import Depends, WebSocket

from api.deps import AccessDep, AskerDep
from api.watcher import Watcher
from api.wire import Wire
from web.i18n import SUPPORTED, locale_of

Welcome = Callable[[Wire], Watcher]


async def welcome(websocket: WebSocket, asker: AskerDep, access: AccessDep) -> Welcome:
    """What makes the page's watcher, once it has a wire."""
    chosen = asker.locale
    locale = chosen if chosen in SUPPORTED else locale_of(websocket.headers.get("accept-language", ""))
    return partial(Watcher, access, asker.session_id, access.member_id or 0, locale)


WelcomeDep = Annotated[Welcome, Depends(welcome)]
