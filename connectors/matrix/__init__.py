"""Matrix: rooms, threads and direct chats of one account on any homeserver (docs/channels/matrix.md)."""

from connectors.matrix.connector import Matrix

__all__ = ["Matrix"]
