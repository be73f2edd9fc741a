"""WhatsApp, by Meta's Cloud API (docs/channels/whatsapp.md)."""

from connectors.whatsapp.connector import WhatsApp

__all__ = ["WhatsApp"]
