"""Bluesky, and other servers of the AT Protocol that hold its posts (https://docs.bsky.app)."""

from connectors.bluesky.connector import Bluesky

__all__ = ["Bluesky"]
