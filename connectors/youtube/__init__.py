"""YouTube: the comments under a channel's videos (https://developers.google.com/youtube/v3/docs/commentThreads)."""

from connectors.youtube.connector import YouTube

__all__ = ["YouTube"]
