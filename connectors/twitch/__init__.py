"""Twitch chat, by EventSub and Helix (docs/channels/twitch.md). Not verified against the live service."""

from connectors.twitch.connector import Twitch

__all__ = ["Twitch"]
