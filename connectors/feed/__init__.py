"""Feeds: RSS (https://www.rssboard.org/rss-specification) and Atom (https://www.rfc-editor.org/rfc/rfc4287), read only."""

from connectors.feed.connector import Feed

__all__ = ["Feed"]
