"""Lemmy, by its API of version 3 (https://join-lemmy.org/docs/contributors/04-api.html)."""

from connectors.lemmy.connector import Lemmy

__all__ = ["Lemmy"]
