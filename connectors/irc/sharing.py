"""One connection for all connectors of an account in this process: the host reads with one and answers with another.

With a connection each, the second would have another nick, and the first would hear it as somebody else.
"""

import asyncio

from connectors.irc.config import IrcConfig
from connectors.irc.connection import Connection


class Shared:
    """The connection of one account, made when it is needed, closed when the last user is done with it."""

    def __init__(self, config: IrcConfig) -> None:
        self._config = config
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()
        self.users = 0

    async def connected(self) -> Connection:
        async with self._connecting:
            if self._connection is None or not self._connection.is_open:
                await self.aclose()
                self._connection = Connection(self._config)
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


_shared: dict[IrcConfig, Shared] = {}


def take(config: IrcConfig) -> Shared:
    found = _shared.setdefault(config, Shared(config))
    found.users += 1
    return found


async def give_back(config: IrcConfig, shared: Shared) -> None:
    shared.users -= 1
    if not shared.users:
        if _shared.get(config) is shared:
            del _shared[config]
        await shared.aclose()
