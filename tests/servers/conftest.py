"""One pair of mail servers for all tests of this folder: the machine has one queue for opensmtpd."""

from tests.servers.mailservers import mailservers

__all__ = ["mailservers"]
