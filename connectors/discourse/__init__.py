"""Posts of a Discourse forum (https://docs.discourse.org/)."""

from connectors.discourse.connector import Discourse

__all__ = ["Discourse"]
