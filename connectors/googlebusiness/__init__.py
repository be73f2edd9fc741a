"""Google Business Profile, by its reviews (https://developers.google.com/my-business/content/review-data)."""

from connectors.googlebusiness.connector import GoogleBusiness

__all__ = ["GoogleBusiness"]
