"""XMPP: chats and rooms of one account on any server that keeps an archive (docs/channels/xmpp.md)."""

from connectors.xmpp.connector import Xmpp

__all__ = ["Xmpp"]
