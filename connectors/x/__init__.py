"""X: mentions, answers and direct messages of one account (https://docs.x.com/x-api)."""

from connectors.x.connector import X

__all__ = ["X"]
