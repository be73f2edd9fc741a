"""The adapter's protocol, as it ships with Parley (`connectors.conformance`)."""

from connectors.conformance import MORNING, NOWHERE, Adapter, Said, Trouble

__all__ = ["MORNING", "NOWHERE", "Adapter", "Said", "Trouble"]
