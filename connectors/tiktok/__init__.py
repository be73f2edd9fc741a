"""TikTok: comments under an account's videos, and its direct messages (https://business-api.tiktok.com/portal/docs)."""

from connectors.tiktok.connector import TikTok

__all__ = ["TikTok"]
