"""Nostr: notes that relays keep and hand on (https://github.com/nostr-protocol/nips)."""

from connectors.nostr.connector import Nostr

__all__ = ["Nostr"]
