"""Trustpilot, by its Service Reviews API (https://developers.trustpilot.com/service-reviews-api)."""

from connectors.trustpilot.connector import Trustpilot

__all__ = ["Trustpilot"]
