"""Telegram bots: private chats, groups, comments under channel posts, business accounts (docs/channels/telegram.md)."""

from connectors.telegram.connector import Telegram

__all__ = ["Telegram"]
