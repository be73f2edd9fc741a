"""GitHub: issues and discussions of a repository (docs/channels/github.md)."""

from connectors.github.connector import GitHub

__all__ = ["GitHub"]
