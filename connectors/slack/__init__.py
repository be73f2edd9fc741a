"""Slack workspaces: channels, threads, direct messages (docs/channels/slack.md)."""

from connectors.slack.connector import Slack

__all__ = ["Slack"]
