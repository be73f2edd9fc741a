"""Discord bots: channels, threads, forum posts and direct messages (docs/channels/discord.md)."""

from connectors.discord.connector import Discord

__all__ = ["Discord"]
