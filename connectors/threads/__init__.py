"""A Threads profile: replies to its posts and mentions of it (docs/channels/threads.md)."""

from connectors.threads.connector import Threads

__all__ = ["Threads"]
