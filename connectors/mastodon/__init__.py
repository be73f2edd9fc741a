"""Mastodon, and what speaks its API (https://docs.joinmastodon.org/methods/)."""

from connectors.mastodon.connector import Mastodon

__all__ = ["Mastodon"]
