"""Google Play, by its Reply to Reviews API (https://developers.google.com/android-publisher/reply-to-reviews)."""

from connectors.googleplay.connector import GooglePlay

__all__ = ["GooglePlay"]
