"""An Instagram account: comments, mentions, answers to stories, direct messages (docs/channels/instagram.md)."""

from connectors.instagram.connector import Instagram

__all__ = ["Instagram"]
