"""IRC, by the documents of its clients (https://modern.ircdocs.horse/)."""

from connectors.irc.connector import Irc

__all__ = ["Irc"]
