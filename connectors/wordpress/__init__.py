"""Comments of a WordPress site (https://developer.wordpress.org/rest-api/reference/comments/)."""

from connectors.wordpress.connector import WordPress

__all__ = ["WordPress"]
