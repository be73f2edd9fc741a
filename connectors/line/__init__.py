"""LINE official accounts, by the Messaging API (docs/channels/line.md). Not verified against the live service."""

from connectors.line.connector import Line

__all__ = ["Line"]
