"""E-mail: any mailbox with IMAP and SMTP."""

from connectors.email.connector import Email

__all__ = ["Email"]
