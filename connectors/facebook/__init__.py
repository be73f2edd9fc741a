"""A Facebook Page: comments, visitor posts and mentions, and its Messenger (docs/channels/facebook.md)."""

from connectors.facebook.connector import Facebook

__all__ = ["Facebook"]
