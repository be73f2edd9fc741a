"""One connection for all connectors of an account in this process: the host reads with one and answers with another.

Where people see who is there, a second connection would be a second person, and the first would hear it as somebody else.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel


class Connection(Protocol):
    @property
    def is_open(self) -> bool: ...

    async def open(self) -> None: ...

    async def aclose(self) -> None: ...


Kind = TypeVar("Kind", bound=Connection)


class Shared(Generic[Kind]):
    """The connection of one account, made when it is needed, closed when the last user is done with it."""

    def __init__(self, make: Callable[[], Kind]) -> None:
        self._make = make
        self._connection: Kind | None = None
        self._connecting = asyncio.Lock()
        self.users = 0

    async def connected(self) -> Kind:
        async with self._connecting:
            if self._connection is None or not self._connection.is_open:
                await self.aclose()
                self._connection = self._make()
                try:
                    await self._connection.open()
                except BaseException:
                    await self.aclose()
                    raise
            return self._connection

    async def aclose(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.aclose()


_shared: dict[BaseModel, Shared[Any]] = {}


def take(account: BaseModel, make: Callable[[], Kind]) -> Shared[Kind]:
    """`account`: its checked settings, which are frozen; connectors with the same ones share."""
    found = _shared.setdefault(account, Shared(make))
    found.users += 1
    return found


async def give_back(account: BaseModel, shared: Shared[Any]) -> None:
    shared.users -= 1
    if not shared.users:
        if _shared.get(account) is shared:
            del _shared[account]
        await shared.aclose()
