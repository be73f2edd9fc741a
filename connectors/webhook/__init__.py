"""The generic webhook: any system as a channel, by signed HTTP requests both ways (docs/channels/webhook.md)."""

from connectors.webhook.connector import Webhook

__all__ = ["Webhook"]
