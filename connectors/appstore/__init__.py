"""The App Store, by the App Store Connect API (https://developer.apple.com/documentation/appstoreconnectapi/customer-reviews)."""

from connectors.appstore.connector import AppStore

__all__ = ["AppStore"]
