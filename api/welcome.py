"""Who opens a live page: the same session and membership as the page's own, and the language it was drawn in."""

from typing import Annotated

from fastapi import Depends, WebSocket

from api.deps import AccessDep, SignedInDep
from api.watcher import Watcher
from web.i18n import SUPPORTED, locale_of


async def watcher(websocket: WebSocket, signed_in: SignedInDep, access: AccessDep) -> Watcher:
    chosen = signed_in.account.locale
    locale = chosen if chosen in SUPPORTED else locale_of(websocket.headers.get("accept-language", ""))
    return Watcher(
        access=access,
        session_id=signed_in.session.id,
        member_id=access.member_id or 0,
        locale=locale,
        send=websocket.send_text,
        close=websocket.close,
    )


WatcherDep = Annotated[Watcher, Depends(watcher)]
